"""The words of oversight: acts as the audit log shows them, states of objections, signs of collusion."""

from collections.abc import Mapping
from typing import Final

from web.languages import N_

ACT_GROUPS: Final[Mapping[str, str]] = {
    "": N_("全部行为"),
    "look.": N_("查看受保护的内容"),
    "lot.": N_("标的办理"),
    "registration.": N_("报名"),
    "deposit.": N_("保证金"),
    "account.": N_("账号"),
    "ukey.": N_("UKey"),
    "objection.": N_("异议"),
    "defaulter.": N_("违约名单"),
    "profile.": N_("规则"),
    "audit.": N_("日志核对"),
}
ACTS: Final[Mapping[str, str]] = {
    "lot.submit": N_("提交公告"),
    "lot.return": N_("退回公告"),
    "lot.announce": N_("发布公告"),
    "lot.correct": N_("更正公告"),
    "lot.redate": N_("重算日期"),
    "lot.suspend": N_("中止"),
    "lot.resume": N_("恢复"),
    "lot.withdraw": N_("撤回"),
    "lot.end_registration": N_("报名截止"),
    "lot.extend": N_("延期"),
    "lot.go_to_auction": N_("进入竞价"),
    "lot.negotiate": N_("转协议成交"),
    "lot.fail": N_("流拍"),
    "lot.agree_price": N_("填写最终成交价"),
    "lot.hammer": N_("收槌"),
    "lot.abort": N_("终结"),
    "lot.offer_priority": N_("询问优先购买权人"),
    "lot.answer_priority": N_("优先购买权人答复"),
    "lot.award": N_("资格审查通过"),
    "lot.refuse_award": N_("资格审查不通过"),
    "lot.default": N_("竞得人违约"),
    "lot.offer_next": N_("征询下一位报价人"),
    "lot.answer_next": N_("下一位报价人答复"),
    "lot.confirm": N_("成交确认书盖齐"),
    "lot.contract_sealed": N_("合同盖齐"),
    "lot.paid": N_("价款到账"),
    "lot.end_publication": N_("结果公告期满"),
    "lot.archive": N_("归档"),
    "look.registration": N_("核对登记号"),
    "look.refused": N_("核对被拒绝"),
    "look.audit_export": N_("导出审计日志"),
    "look.patterns": N_("查看可疑情形"),
    "look.objection": N_("查看异议"),
    "look.sign_ins": N_("查看登录记录"),
    "audit.verify": N_("核对全链"),
    "account.create": N_("建立账号"),
    "account.disable": N_("停用账号"),
    "account.enable": N_("启用账号"),
    "account.end_sessions": N_("结束登录"),
    "account.new_password": N_("设置新密码"),
    "account.change_password": N_("修改密码"),
    "account.recover_password": N_("找回密码"),
    "account.contact": N_("修改联系方式"),
    "ukey.confirm": N_("确认 UKey"),
    "ukey.end": N_("停用 UKey"),
    "objection.make": N_("提出异议"),
    "objection.uphold": N_("异议成立"),
    "objection.dismiss": N_("异议不成立"),
    "objection.withdraw": N_("撤回异议"),
    "defaulter.list": N_("列入违约名单"),
    "defaulter.lift": N_("移出违约名单"),
}
"""What has no word here is shown by its name."""
OBJECTION_STATES: Final[Mapping[str, str]] = {
    "open": N_("待答复"),
    "upheld": N_("成立"),
    "dismissed": N_("不成立"),
    "withdrawn": N_("已撤回"),
}
PERIODS: Final[Mapping[str, str]] = {
    "announcement": N_("公告期"),
    "result": N_("结果公告期"),
}
SIGNS: Final[Mapping[str, str]] = {
    "same_device": N_("用过同一台设备"),
    "same_address": N_("用过同一个网络地址"),
    "same_payer": N_("保证金由同一人缴纳"),
    "same_operator": N_("经办人相同"),
    "always_two": N_("多个标的里总是这两家对报"),
}
SIGN_IN_WORDS: Final[Mapping[str, str]] = {
    "password": N_("密码登录"),
    "ukey": N_("UKey 登录"),
    "wrong": N_("密码不对，没有登录"),
}
