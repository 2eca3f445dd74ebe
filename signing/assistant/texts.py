"""What is said, by the word that says it to programs: what is wrong, and what the person can do."""

from typing import Final

from signing.assistant.languages import N_, translations
from signing.token.port import TokenError, WrongPin

MESSAGES: Final[dict[str, str]] = {
    # the UKey
    "no-token": N_("没有插入 UKey。请插入后点“重新检查”。"),
    "several-tokens": N_("插入了多个 UKey，请选择要使用的一个。"),
    "no-key": N_("这个 UKey 里没有密钥。"),
    "no-certificate": N_("这个 UKey 里没有证书。"),
    "no-seal": N_("这个 UKey 里没有印章。"),
    "key-exists": N_("这个 UKey 里已经有证书，不能再生成密钥。"),
    "expired": N_("这个 UKey 的证书已过期，请先办理证书更新。"),
    "not-yet-valid": N_("这个 UKey 的证书还没有到生效时间。请检查本机的日期和时间。"),
    "seal-expired": N_("这个 UKey 的印章不在有效期内，请先办理印章更新。"),
    "revoked": N_("这个 UKey 的证书已被吊销，不能再使用。"),
    "other-ukey": N_("没有插上这次要用的 UKey。请插上后点“重新检查”。"),
    "other-ukey.named": N_("没有插上这次要用的 UKey（%(ukey)s）。请插上后点“重新检查”。"),
    "only-one": N_("制作密钥或写入证书时，只能插着一个 UKey。请拔出其他 UKey 后点“重新检查”。"),
    "install.other_key": N_("这个证书不是为这个 UKey 里的密钥制作的，没有写入。"),
    "install.not_there": N_("证书没有完整写入。请不要拔出 UKey，重新写入一次；原来的证书不受影响。"),
    "install.other_assistant": N_("写入的授权不是发给这台电脑上的助手的。请回到网页重新写入。"),
    "install.wrong_code": N_("UKey 不接受平台保存的授权码，不能设置初始 PIN。请换一个空白的 UKey。"),
    "install.unreadable": N_("平台给出的证书无法识别，没有写入。"),
    "certificate": N_("证书 %(number)s"),
    "seal-not-for-certificate": N_("这个 UKey 的印章不是为它的证书制作的。"),
    "pin-locked": N_("这个 UKey 已锁定：PIN 连续输错次数过多。请用授权码解锁。"),
    "pin-not-set": N_("这个 UKey 还没有设置 PIN。"),
    "wrong-pin": N_("PIN 不正确。"),
    "wrong-pin.left": N_("PIN 不正确，还可以再试 %(tries)s 次。"),
    "wrong-pin.final": N_("PIN 不正确。只剩最后一次机会，再输错 UKey 就会锁定。"),
    "pin-length": N_("PIN 应为 6 至 16 个字符。"),
    "pin-unacceptable": N_("UKey 不接受这个新 PIN：不能与原来的相同，只能用字母、数字和常用符号。"),
    "pin-must-change": N_("这个 PIN 是别人为您设置的，首次使用必须修改。"),
    "pin-differ": N_("两次输入的新 PIN 不一致。"),
    "pin-wait": N_("刚才输错了 PIN。请等待 %(seconds)s 秒后再试。"),
    "pin-final": N_("只剩最后一次机会。请先勾选“我知道这是最后一次”。"),
    "token-removed": N_("UKey 在使用中被拔出，没有完成。请重新插入。"),
    "token-full": N_("UKey 的存储空间不足。"),
    "device-fault": N_("UKey 或它的驱动程序出错，没有完成。请拔出后重新插入。"),
    "bad-signature": N_("UKey 给出的签名不正确，已丢弃。请联系发放 UKey 的机构。"),
    "timed-out": N_("UKey 在规定时间内没有回应，没有完成。请拔出后重新插入。"),
    "token": N_("UKey 无法完成这项操作。"),
    # the job
    "refused": N_("您没有同意，什么也没有签。"),
    "page-gone": N_("网页已关闭，不再办理，什么也没有签。请回到平台的网页重新发起。"),
    "job.expired": N_("时间已过，请回到网页重新发起。"),
    "malformed": N_("网页发来的请求无法识别。"),
    "unknown_kind": N_("网页要求签署的内容不属于允许的种类，已拒绝。"),
    "forged": N_("请求不是由已配对的平台签发的，已拒绝。若平台更换了密钥，请重新配对。"),
    "not_yet": N_("请求的时间在将来。请检查本机的日期和时间。"),
    "too_long": N_("请求的有效期超过了允许的长度，已拒绝。"),
    "replayed": N_("同一个请求只能使用一次，已拒绝。"),
    "too-many": N_("等待处理的请求太多，请先处理已有的请求。"),
    "other-platform": N_("请求不属于打开它的网页，已拒绝。"),
    "forbidden": N_("这个网页没有使用助手的授权。请从助手首页重新打开平台。"),
    "unlock.other_assistant": N_("这个授权码不是发给这台电脑上的助手的。"),
    "unlock.wrong_code": N_("UKey 不接受这个授权码，没有解锁。请向平台管理员重新申请。"),
    "unlock.not_read": N_("授权码无法识别、已过期，或不是由已配对的平台签发的。"),
    "internal": N_("助手出现故障，没有完成。"),
    # the document
    "address": N_("文件的地址不属于已配对的平台，已拒绝。"),
    "unreachable": N_("无法从平台取得文件。请检查网络后重试。"),
    "redirect": N_("文件的地址指向了别处，已拒绝。"),
    "status": N_("平台没有给出文件。请回到网页重新发起。"),
    "too-large": N_("文件比请求中说明的大，已拒绝。"),
    "too-slow": N_("取得文件用时过长，已停止。"),
    "document.digest": N_("取得的文件与请求中的不一致，已拒绝。"),
    "document.too_slow": N_("文件过于复杂，无法在规定时间内显示，已拒绝。"),
    "document.unreadable": N_("文件已损坏或无法显示，已拒绝。"),
    "document.unknown_kind": N_("只能签署 PDF 和 OFD 文件。"),
    "document.too_large": N_("文件超过 20 MB，已拒绝。"),
    "document.encrypted": N_("文件已加密，无法签署。"),
    "document.no_hole": N_("文件里没有留出盖章的位置，已拒绝。"),
    "document.several_holes": N_("文件里有不止一处待盖章的位置，已拒绝。"),
    "document.leaves_out_more": N_("盖章不会覆盖文件的全部内容，有人可能事后改动，已拒绝。"),
    "document.does_not_fit": N_("印章放不进文件留出的位置，已拒绝。"),
    "document.too_many_pages": N_("文件页数过多，无法完整显示，已拒绝。"),
    "document.cannot_show": N_("文件里有无法准确显示的内容，已拒绝：没有看清的文件不能签。"),
    "document.too_many_open": N_("等待签署的文件太多，请先处理已有的请求。"),
    "document.page_too_large": N_("文件的页面尺寸异常，已拒绝。"),
    # pairing
    "pair.origin": N_("请输入平台的网址，以 https:// 开头，不带后面的路径。"),
    "pair.unreachable": N_("无法连接这个平台，或它不支持助手。"),
    "pair.other_origin": N_("平台所说的网址与您输入的不同，没有配对。"),
    "pair.code": N_("配对码不正确，没有配对。请核对平台网页上显示的配对码。"),
    "pair.description": N_("平台的说明无法识别，没有配对。"),
    "pair.phrase": N_("暗语应为 2 至 40 个字。"),
    "pair.too_many": N_("配对的平台太多，请先解除不用的。"),
}

KINDS: Final[dict[str, str]] = {
    "seal": N_("在文件上盖章"),
    "seal_files": N_("在几份文件上盖章"),
    "sign_in": N_("登录平台"),
    "order": N_("确认办理事项"),
    "certificate_request": N_("生成密钥并申请证书"),
    "install": N_("写入证书和印章"),
    "unlock": N_("解锁 UKey"),
}

EVENTS: Final[dict[str, str]] = {
    "signed": N_("已签署"),
    "refused": N_("没有签署"),
    "wrong-pin": N_("PIN 输错"),
    "pin-locked": N_("UKey 已锁定"),
    "pin-changed": N_("PIN 已修改"),
    "unlocked": N_("UKey 已解锁"),
    "paired": N_("已配对平台"),
    "unpaired": N_("已解除配对"),
}


def say(code: str, locale: str, **facts: object) -> str:
    """The sentence; for a document's problem without one of its own, that it cannot be signed."""
    known = (
        code if code in MESSAGES else "document.unreadable" if code.startswith("document.") else "internal"
    )
    return translations(locale).gettext(MESSAGES[known]) % facts


def say_error(error: TokenError, locale: str) -> str:
    """What a UKey's error means for the person."""
    if isinstance(error, WrongPin):
        if error.final_try:
            return say("wrong-pin.final", locale)
        if error.tries_left is not None:
            return say("wrong-pin.left", locale, tries=error.tries_left)
    return say(error.code if error.code in MESSAGES else "token", locale)
