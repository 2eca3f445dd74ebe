// Money: integer fen everywhere; text only here.

/** The largest price that the book handles, in fen. */
export const MAX_PRICE = 10 ** 15 - 1;

const DIGITS = "零壹贰叁肆伍陆柒捌玖";
const PLACES = ["", "拾", "佰", "仟"];
const GROUPS = ["", "万", "亿", "万亿"];

/** 1234567.5 yuan as "¥1,234,567.50". */
export function yuan(fen) {
  const whole = String(Math.floor(fen / 100)).replace(/\B(?=(\d{3})+$)/g, ",");
  return `¥${whole}.${String(fen % 100).padStart(2, "0")}`;
}

/** The same without .00, for buttons and sentences. */
export function shortYuan(fen) {
  return fen % 100 === 0 ? yuan(fen).slice(0, -3) : yuan(fen);
}

/** Chinese capital form, as on a bank slip: 壹佰贰拾万元整. */
export function capital(fen) {
  const [whole, jiao, cent] = [Math.floor(fen / 100), Math.floor((fen % 100) / 10), fen % 10];
  const yuanPart = whole > 0 ? `${wholeCapital(whole)}元` : "";
  if (jiao === 0 && cent === 0) return `${yuanPart || "零元"}整`;
  const jiaoPart = jiao > 0 ? `${DIGITS[jiao]}角` : whole > 0 ? "零" : "";
  return yuanPart + jiaoPart + (cent > 0 ? `${DIGITS[cent]}分` : "");
}

// Groups of four digits, the highest first; a gap of zeros between two digits is read as one 零.
function wholeCapital(whole) {
  let text = "";
  let gap = false;
  for (let group = GROUPS.length - 1; group >= 0; group -= 1) {
    const value = Math.floor(whole / 10 ** (4 * group)) % 10_000;
    if (value === 0) {
      gap = text !== "";
      continue;
    }
    if (text !== "" && (gap || value < 1000)) text += "零";
    text += groupCapital(value) + groupName(whole, group);
    gap = false;
  }
  return text;
}

// 万亿 is 万 of 亿: with digits in the 亿 group as well, 亿 is said once, behind them.
function groupName(whole, group) {
  const hundredMillions = Math.floor(whole / 10 ** 8) % 10_000;
  return group === 3 && hundredMillions > 0 ? "万" : GROUPS[group];
}

function groupCapital(value) {
  let text = "";
  let gap = false;
  for (let place = 3; place >= 0; place -= 1) {
    const digit = Math.floor(value / 10 ** place) % 10;
    if (digit === 0) {
      gap = text !== "";
      continue;
    }
    text += (gap ? "零" : "") + DIGITS[digit] + PLACES[place];
    gap = false;
  }
  return text;
}

const MULTIPLES = { "": 0, 元: 0, 圆: 0, 万: 4, 万元: 4, 亿: 8, 亿元: 8 };

/** What a person typed, in fen: "1,200,000", "120万", "１２０.５"; null when it is no amount, Infinity when
 *  it is more than the book handles. */
export function parseYuan(text) {
  const plain = text.normalize("NFKC").replace(/[\s,，、¥￥]/g, "");
  const match = /^(\d+)(?:\.(\d*))?(元|圆|万元|万|亿元|亿)?$/.exec(plain);
  if (!match) return null;
  const [, whole, fraction = "", unit = ""] = match;
  const shift = MULTIPLES[unit] + 2;
  const decimals = fraction.replace(/0+$/, "");
  if (decimals.length > shift) return null;
  const fen = Number(whole + decimals.padEnd(shift, "0"));
  return fen <= MAX_PRICE ? fen : Infinity;
}
