"""How the catalogue's values are said in plain words: one sentence for each row."""

from collections.abc import Iterable, Mapping
from typing import Final

from certificates.catalogue.model import (
    Attendance,
    Change,
    Conversion,
    CountedFrom,
    Delivery,
    DeliveryWay,
    Freight,
    Identity,
    Invoice,
    InvoicedAfter,
    InvoiceTitle,
    Mark,
    Material,
    Modification,
    Payer,
    Payment,
    Pin,
    Price,
    Product,
    Renewal,
    RenewedTerm,
    Review,
    Step,
    TermStart,
    Told,
)
from certificates.catalogue.prices import Quote
from certificates.catalogue.scope import Circumstance, Scope
from office.money import yuan
from web.certificates.order_words import (
    CHECKS,
    DOCUMENTS,
    PARTS,
    PAYMENTS,
    PERSONS,
    PINS,
)
from web.languages import N_
from web.visits import Visit

STEPS: Final[Mapping[str, str]] = {
    Step.REQUEST: N_("提交办理申请（办理类型、印章类型、邮寄地址、经办人）"),
    Step.AUTHORITY: N_("选择证书机构"),
    Step.AGREEMENTS: N_("逐份阅读并同意协议"),
    Step.HELD_UKEY: N_("插上要办理的UKey（只插一枚）"),
    Step.CHOOSE_ORDER: N_("用短信验证码找到原来的订单"),
    Step.SEAL_CHECK: N_("检查印章是否符合国家标准"),
    Step.DETAILS: N_("填写信息"),
    Step.CONFIRM: N_("核对信息"),
    Step.PRINT_FORM: N_("打印申请表，签名、盖章"),
    Step.UPLOADS: N_("上传资料"),
    Step.IDENTITY: N_("核验身份"),
    Step.CONSENT: N_("用短信验证码确认是本人意愿"),
    Step.DELIVERY: N_("选择领取方式"),
    Step.PAYMENT: N_("付款"),
    Step.VOUCHER: N_("上传汇款凭证（银行转账的）"),
    Step.PAPER: N_("交纸质资料"),
    Step.REVIEW: N_("审核"),
    Step.AUTHORIZATION_CODE: N_("收到解锁授权码"),
    Step.ISSUE: N_("签发证书"),
    Step.REVOKE: N_("注销，马上生效"),
    Step.INSTALL: N_("用证书助手把证书和印章写入UKey"),
    Step.PIN: N_("得到密码"),
    Step.INVOICE: N_("开具电子发票"),
    Step.COURIER: N_("快递寄出"),
    Step.HANDOVER: N_("当面领取"),
}
MARKS: Final[Mapping[str, str]] = {
    Mark.STAMP: N_("加盖实体公章"),
    Mark.OPERATOR_SIGNATURE: N_("经办人手写签名"),
    Mark.APPLICANT_SIGNATURE: N_("申请人手写签名"),
    Mark.APPLICANT_SEAL_OR_SIGNATURE: N_("盖个人印章或者手写签名"),
}
PAYERS: Final[Mapping[str, str]] = {
    Payer.ORGANIZATION: N_("单位对公账户"),
    Payer.OWN: N_("本人账户"),
}
CIRCUMSTANCES: Final[Mapping[str, str]] = {
    Circumstance.PREPAID: N_("已提前汇款"),
    Circumstance.PAID_THERE: N_("现场付款"),
    Circumstance.DISSOLVED: N_("单位已注销"),
    Circumstance.SAME_OPERATOR: N_("经办人和上一笔业务相同"),
    Circumstance.NAME_CHANGED: N_("名称有变更"),
}
OTHERWISE: Final[Mapping[str, str]] = {
    Circumstance.PREPAID: N_("没有提前汇款"),
    Circumstance.PAID_THERE: N_("不在现场付款"),
    Circumstance.DISSOLVED: N_("单位没有注销"),
    Circumstance.SAME_OPERATOR: N_("换了经办人"),
    Circumstance.NAME_CHANGED: N_("名称没有变更"),
}
COUNTED: Final[Mapping[str, str]] = {
    CountedFrom.APPLICATION: N_("从提交算起"),
    CountedFrom.PAYMENT: N_("从付款算起"),
    CountedFrom.RECEIPT: N_("从收到资料算起"),
}
DELIVERIES: Final[Mapping[str, str]] = {
    DeliveryWay.COURIER: N_("快递寄到您填写的地址"),
    DeliveryWay.COLLECTION: N_("到窗口领取，当面签收"),
    DeliveryWay.ASSISTANT: N_("不用寄，在自己电脑的证书助手里完成"),
}
FREIGHTS: Final[Mapping[str, str]] = {
    Freight.FREE: N_("不收快递费"),
    Freight.COLLECT: N_("快递费到付"),
    Freight.SUBSCRIBER: N_("往返快递费由申请人付"),
}
TITLES: Final[Mapping[str, str]] = {
    InvoiceTitle.SUBSCRIBER: N_("抬头固定为证书使用单位"),
    InvoiceTitle.NOT_PERSONAL: N_("抬头不能填“个人”"),
    InvoiceTitle.TYPED: N_("抬头由申请人填写"),
}
TOLD: Final[Mapping[str, str]] = {
    Told.SMS: N_("短信"),
    Told.EMAIL: N_("电子邮件"),
    Told.PUBLIC_ACCOUNT: N_("微信公众号"),
}
CHANGES: Final[Mapping[str, str]] = {
    Change.NAME: N_("名称（姓名）"),
    Change.ADDRESS: N_("地址"),
    Change.SEAL: N_("印章"),
}


def listed(visit: Visit, table: Mapping[str, str], values: Iterable[str]) -> str:
    """Several values, one after the other."""
    return visit.text(N_("、")).join(visit.text(table[value]) for value in values)


def price(visit: Visit, row: Price) -> str:
    """ "40 元", "免费", "第一年 600 元，以后每年 400 元；可选 1 至 5 年"."""
    once = sum(part.fen for part in row.parts if part.per == "once")
    year = sum(part.fen for part in row.parts if part.per == "year")
    if not once and not year:
        return visit.text(N_("免费"))
    facts = {"once": money(once), "first": money(once + year), "year": money(year), "most": row.most_years}
    if not year:
        return visit.text(N_("%(once)s 元")) % facts
    if not once:
        return visit.text(N_("每年 %(year)s 元，可选 1 至 %(most)s 年")) % facts
    return visit.text(N_("第一年 %(first)s 元，以后每年 %(year)s 元，可选 1 至 %(most)s 年")) % facts


def parts(visit: Visit, quoted: Quote) -> str:
    """ "证书 200 元 + 介质 100 元 + 电子印章 50 元", where there are several parts."""
    if len(quoted.parts) < 2:
        return ""
    said = (
        f"{visit.text(PARTS[part.kind])} {visit.text(N_('%(once)s 元')) % {'once': money(part.fen)}}"
        for part in quoted.parts
    )
    return " + ".join(said)


def money(fen: int) -> str:
    """Yuan without needless decimals."""
    text = yuan(fen)
    return text.removesuffix(".00")


def product(visit: Visit, one: Product) -> str:
    """ "单位证书，12 个月"."""
    if one.months is None:
        return visit.named(one)
    return visit.text(N_("%(name)s，%(n)s 个月")) % {"name": visit.named(one), "n": one.months}


def condition(visit: Visit, row: Scope) -> str:
    """When a row applies, as far as that depends on what is chosen or so; "" when always."""
    said = []
    if row.paid_by:
        said.append(visit.text(N_("选%(ways)s付款的")) % {"ways": listed(visit, PAYMENTS, row.paid_by)})
    if row.identified_by:
        checks = listed(visit, CHECKS, row.identified_by)
        said.append(visit.text(N_("选%(checks)s的")) % {"checks": checks})
    if row.when:
        said.append(visit.text(N_("%(so)s的")) % {"so": listed(visit, CIRCUMSTANCES, row.when)})
    if row.unless:
        said.append(visit.text(N_("%(so)s的")) % {"so": listed(visit, OTHERWISE, row.unless)})
    return visit.text(N_("，")).join(said)


def material(visit: Visit, row: Material) -> str:
    said = [visit.text(DOCUMENTS[row.document])]
    if row.copies > 1:
        said.append(visit.text(N_("一式 %(n)s 份")) % {"n": row.copies})
    if row.both_sides:
        said.append(visit.text(N_("正反两面")))
    said += [visit.text(MARKS[mark]) for mark in row.marks]
    if row.original:
        said.append(visit.text(N_("带原件核对")))
    return _sentence(visit, said)


def payment(visit: Visit, row: Payment) -> str:
    said = [visit.text(PAYMENTS[row.by])]
    if row.payers:
        payers = visit.text(N_("或者")).join(visit.text(PAYERS[payer]) for payer in row.payers)
        said.append(visit.text(N_("只收%(payers)s的汇款")) % {"payers": payers})
    if row.days_ahead:
        said.append(visit.text(N_("提前 %(n)s 个工作日汇款")) % {"n": row.days_ahead})
    if row.voucher:
        said.append(visit.text(N_("上传汇款凭证")))
    return _sentence(visit, said)


def review(visit: Visit, row: Review) -> str:
    if row.automatic:
        return visit.text(N_("系统马上审核"))
    if not row.working_days:
        return visit.text(N_("当天办好"))
    facts = {
        "least": row.least_days,
        "most": row.working_days,
        "since": visit.text(COUNTED[row.counted_from]),
    }
    if row.least_days:
        return visit.text(N_("%(least)s 至 %(most)s 个工作日，%(since)s")) % facts
    return visit.text(N_("%(most)s 个工作日内，%(since)s")) % facts


def pin(visit: Visit, row: Pin) -> str:
    return visit.text(PINS[row.by]) % {"person": visit.text(PERSONS[row.to])}


def delivery(visit: Visit, row: Delivery) -> str:
    said = [visit.text(DELIVERIES[row.by]), row.carrier]
    if row.freight is not Freight.NONE:
        said.append(visit.text(FREIGHTS[row.freight]))
    return _sentence(visit, said)


def invoice(visit: Visit, row: Invoice) -> str:
    facts = {"by": listed(visit, TOLD, row.by), "to": visit.text(PERSONS[row.to])}
    said = [visit.text(N_("电子发票，用%(by)s发给%(to)s")) % facts]
    if row.after is InvoicedAfter.PAYMENT:
        said.append(visit.text(N_("付款后开具")))
    elif row.working_days is not None:
        said.append(visit.text(N_("办完后 %(n)s 个工作日内")) % {"n": row.working_days})
    said.append(visit.text(TITLES[row.title]))
    if row.tax_number_optional:
        said.append(visit.text(N_("个人和政府机关可以不填税号")))
    return _sentence(visit, said)


def identity(visit: Visit, row: Identity) -> str:
    facts = {"whose": visit.text(PERSONS[row.whose]), "checks": listed(visit, CHECKS, row.checks)}
    if len(row.checks) == 1:
        return visit.text(N_("核验%(whose)s的身份：%(checks)s")) % facts
    return visit.text(N_("核验%(whose)s的身份，任选一种：%(checks)s")) % facts


def attendance(visit: Visit, row: Attendance) -> str:
    return visit.text(N_("%(who)s本人到场，带身份证原件")) % {"who": visit.text(PERSONS[row.who])}


def renewal(visit: Visit, row: Renewal) -> str:
    said = []
    if row.days_before is None and row.expired_days is None:
        return visit.text(N_("随时可以续期，过期了也可以"))
    if row.days_before is not None:
        text = N_("过期前 %(n)s 天内") if row.day_included else N_("有效期少于 %(n)s 天")
        said.append(visit.text(text) % {"n": row.days_before})
    if row.expired_days == 0:
        said.append(visit.text(N_("过期以后不行")))
    elif row.expired_days is not None:
        said.append(visit.text(N_("或者过期不超过 %(n)s 天")) % {"n": row.expired_days})
    return _sentence(visit, said)


def renewed_term(visit: Visit, row: RenewedTerm) -> str:
    text = {
        TermStart.DOWNLOAD: N_("没过期的，新的有效期接在原来的后面；过期的，从下载新证书那天算起"),
        TermStart.ISSUE: N_("没过期的，新的有效期接在原来的后面；过期的，从签发新证书那天算起"),
    }[row.expired_from]
    return visit.text(text)


def modification(visit: Visit, row: Modification) -> str:
    text = visit.text(N_("可以变更：%(changes)s")) % {"changes": listed(visit, CHANGES, row.changes)}
    if not row.needed_for or set(row.needed_for) == set(row.changes):
        return text
    needed = visit.text(N_("必须变更证书的：%(changes)s")) % {
        "changes": listed(visit, CHANGES, row.needed_for)
    }
    return _sentence(visit, [text, needed])


def conversion(visit: Visit, row: Conversion) -> str:
    said = [visit.text(N_("替换不符合 %(standard)s 的印章，不收费")) % {"standard": row.standard}]
    if row.cut_off is not None:
        day = row.cut_off.isoformat()
        said.append(visit.text(N_("从 %(day)s 起，不符合的印章不能再用")) % {"day": day})
    if row.issuer_too:
        said.append(visit.text(N_("原来的发证机构也可以办")))
    return _sentence(visit, said)


def _sentence(visit: Visit, said: Iterable[str]) -> str:
    return visit.text(N_("，")).join(one for one in said if one)
