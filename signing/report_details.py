"""The details of findings in the reader's language: reasons, places, kinds, problems.

    detail("page 2", "zh") == "第 2 页"
    detail("whatever a parser said", "zh") == ""  # `report_lines.technical` has it then

English stays as it was found.
"""

import re
from typing import Final

REASONS: Final[dict[str, dict[str, str]]] = {
    "zh": {
        "unspecified": "未说明",
        "key_compromise": "私钥泄露",
        "ca_compromise": "签发机构的私钥泄露",
        "affiliation_changed": "持有人的所属单位变更",
        "superseded": "已换发新证书",
        "cessation_of_operation": "停止使用",
        "certificate_hold": "暂停使用",
        "remove_from_crl": "已恢复",
        "privilege_withdrawn": "权限被收回",
        "aa_compromise": "属性签发机构的私钥泄露",
    },
    "en": {
        "unspecified": "no reason given",
        "key_compromise": "its private key got into other hands",
        "ca_compromise": "the authority's private key got into other hands",
        "affiliation_changed": "its holder belongs to somebody else",
        "superseded": "it was replaced by another",
        "cessation_of_operation": "it is no longer used",
        "certificate_hold": "it is suspended",
        "remove_from_crl": "it was restored",
        "privilege_withdrawn": "its rights were withdrawn",
        "aa_compromise": "the attribute authority's private key got into other hands",
    },
}
_WORDS: Final = {
    # 位置
    "page tree": "页面树",
    "catalog": "文件总目录",
    "trailer": "文件尾部",
    "document information": "文档信息",
    "form": "表单",
    "file": "整个文件",
    "its slices do not make up the picture": "各页的骑缝章拼不成印章图样",
    # 时间与内存
    "decompression": "解压后过大",
    "memory": "内存",
    "objects": "对象过多",
    "the size of the answer": "结果过大",
    # 会变的内容
    "action on opening": "打开时自动执行的动作",
    "content from outside": "来自文件之外的内容",
    "pictures that are exchanged for printing": "打印时会换掉的图片",
    "attachment": "附件",
    "hidden annotation": "隐藏的批注",
    "annotation that is not printed": "打印时不显示的批注",
    "annotation that changes under the pointer": "鼠标移上去会变的批注",
    "action on an event": "由事件触发的动作",
    "layers that switch themselves": "会自动切换的图层",
    "hidden layers": "隐藏的图层",
    "media": "音视频等媒体",
    "fields without looks of their own": "由软件自行绘制的填写栏目",
    "XFA form": "XFA 表单",
    "JavaScript": "JavaScript 脚本",
    "Launch": "启动其他程序的动作",
    "SubmitForm": "提交表单的动作",
    "ImportData": "导入数据的动作",
    "ResetForm": "清空表单的动作",
    "Hide": "隐藏内容的动作",
    "SetOCGState": "切换图层的动作",
    "Rendition": "播放媒体的动作",
    "Movie": "播放影片的动作",
    "Sound": "播放声音的动作",
    "GoToE": "打开附件的动作",
    "GoToR": "打开其他文件的动作",
    "RichMediaExecute": "操作媒体的动作",
    # 文件结构
    "nested too deeply": "嵌套过深",
    "it has no catalog": "没有总目录",
    "it has two indexes for the same objects": "同样的对象有两份索引",
    "it does not begin with the header of a PDF": "开头不是 PDF 文件头",
    "startxref does not point at an index": "结尾没有指向索引",
    "its pages are not a tree of objects": "页面没有按规定组成树",
    "its pages stand in a ring, or too deep": "页面循环引用，或层数过多",
    "its form has a ring, or too many fields": "表单循环引用，或栏目过多",
    "a trailer that is a stream": "文件尾部的形式异常",
    "an addition behind a seal defines an object twice": "印章之后的附加部分重复定义了对象",
    "an addition behind a seal holds more than objects and their index": "印章之后的附加部分夹带了别的内容",
    "an addition behind a seal has a stream of uncertain length": "印章之后的附加部分有长度不明的数据",
    "an addition behind a seal has an object without an end": "印章之后的附加部分有未结束的对象",
    "an addition behind a seal has no index, or holds more than objects": (
        "印章之后的附加部分没有索引，或夹带了别的内容"
    ),
    "an addition behind a seal has objects that are not in its index, or the other way": (
        "印章之后的附加部分与它的索引不符"
    ),
    "an addition behind a seal takes objects away": "印章之后的附加部分删除了对象",
    "an addition behind a seal has compressed objects, old or new": "印章之后的附加部分有压缩的对象",
    "an addition behind a seal does not follow what is before it": "印章之后的附加部分与前面不衔接",
    "it does not end with startxref and %%EOF, or something stands behind them": "结尾不完整，或后面还有内容",
    "the file does not end with the list of a ZIP file": "结尾没有文件包的目录",
    "a package in parts, or with a comment": "文件包分卷，或带有注释",
    "the list of files does not stand where the package says": "文件包的目录不在它所说的位置",
    "something stands between the list of files and the end": "文件包的目录之后夹带了内容",
    "the list of files is damaged, or has comments": "文件包的目录已损坏，或带有注释",
    "something stands between the files and their list": "文件包里夹带了不属于任何文件的内容",
    "a name whose characters readers would read differently": "包内文件名的编码有歧义",
    "a name that is empty, too long, or in too many folders": "包内文件名为空、过长或层数过多",
    "the document has several versions, and programs differ in which they show": (
        "文件有多个版本，不同软件显示的不一样"
    ),
    # 覆盖范围
    "the signature is not an object of its own": "签名不是独立的对象",
    "what it leaves out is not its own Contents": "空出的不是它自己的签名值",
    "what it leaves out is not made of whole bytes": "空出的部分不完整",
    "the signature does not stand where the index says": "签名不在索引所说的位置",
    "the signature is not a dictionary": "签名的形式不对",
    "it has no ByteRange or no Contents": "没有写明覆盖范围，或没有签名值",
    "its ByteRange is not a list that stands in it": "覆盖范围不是写在签名里的",
    "its ByteRange is not four numbers": "覆盖范围不是四个数",
    "its ByteRange has negative numbers": "覆盖范围里有负数",
    "its ByteRange does not begin at the first byte": "覆盖范围没有从文件开头算起",
    "its two ranges overlap, or leave no place for a signature": "两段覆盖范围重叠，或没有给签名留位置",
    "its ByteRange leads beyond the end of the file": "覆盖范围超出了文件末尾",
    "it does not end where a revision of the file ends": "覆盖范围没有止于文件某个版本的末尾",
    "it lists no file": "没有列出任何文件",
    "something stands behind it in its place": "签名后面还夹带了内容",
    # 吊销
    "no list and no answer tells about it": "没有关于它的吊销列表或查询结果",
    "the list is not signed by the issuer": "吊销列表不是签发机构签的",
    "the answer is not signed by the issuer, nor by one whom it appointed": (
        "查询结果不是签发机构或其指定者签的"
    ),
    "the responder does not know it": "查询服务不知道这张证书",
    "the list began after the certificate had ended": "吊销列表是证书到期之后才发布的",
    "the answer began after the certificate had ended": "查询结果是证书到期之后才作出的",
    # 两套软件
    "the signature": "签名",
    "the seal maker's signature": "印章制作机构的签名",
    "the time stamp": "时间戳",
}
_PATTERNS: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"page (\d+)", "第 {0} 页"),
        (r"outside page (\d+)", "在第 {0} 页之外"),
        (r"the page (\d+), which is not there", "第 {0} 页，而它并不存在"),
        (r"object (\d+)", "对象 {0}"),
        (r"object (\d+), which an earlier part refers to", "对象 {0}，原有部分引用了它"),
        (r"(\d+) → (\d+)", "原 {0} 页，现 {1} 页"),
        (r"(\d+) s", "{0} 秒"),
        (r"(\d+) MB", "{0} MB"),
        (r"it was added to more than (\d+) times", "附加超过 {0} 次"),
        (r"it numbers more than (\d+) objects", "对象超过 {0} 个"),
        (r"it has more than (\d+) pages", "超过 {0} 页"),
        (r"it has more than (\d+) signatures", "签名超过 {0} 个"),
        (r"(\d+) signatures in it belong to no field", "有 {0} 个签名不属于任何栏目"),
        (r"more than (\d+) additions stand behind a seal", "印章之后的附加部分超过 {0} 次"),
        (r"an addition behind a seal has more than (\d+) objects", "印章之后的附加部分超过 {0} 个对象"),
        (r"(\S+) is damaged", "包内的 {0} 已损坏"),
        (r"(\S+) is missing", "包内缺少 {0}"),
        (r"(\S+) is missing: nobody has signed there", "缺少 {0}，那里没有人签名"),
        (
            r"(\S+) is there twice, or differs from another name by case only",
            "包内的 {0} 有两份，或仅大小写不同",
        ),
        (r"(\S+) is described in two ways that differ", "包内 {0} 的两处说明不一致"),
        (r"(\S+) has two sizes or checksums", "包内 {0} 的两处大小或校验值不一致"),
        (r"(\S+) unfolds to another size than the package says", "包内的 {0} 解压后大小不符"),
        (r"something stands (?:before|behind) (\S+) that belongs to no file", "包内 {0} 前后夹带了内容"),
        (r"(\S+): not well-formed: .*", "包内的 {0} 格式不正确"),
        (r"(\S+): it has a document type", "包内的 {0} 带有文档类型声明"),
        (r"(\S+) belongs to a seal that is not in the list of seals", "{0} 属于一枚不在印章列表里的印章"),
        (r"it lists its files with digests of (.+), and SM3 is taken", "文件清单用的是 {0}，而不是 SM3"),
        (r"the list ended at (.+)", "吊销列表已于 {0} 到期"),
        (r"the answer ended at (.+)", "查询结果已于 {0} 到期"),
        (r"it names what was stamped by a digest of (.+)", "摘要算法是 {0}"),
        (r"the certificate (.+)", "证书「{0}」"),
    )
)


def detail(text: str, lang: str) -> str:
    """The detail as it is told; nothing when there are no words for it in that language."""
    if lang != "zh":
        return text
    if text in _WORDS:
        return _WORDS[text]
    for pattern, words in _PATTERNS:
        if found := pattern.fullmatch(text):
            return words.format(*map(_moment, found.groups()))
    return "" if re.search(r"[A-Za-z]", text) and not _is_name(text) else text


def reason(text: str, lang: str) -> str:
    """Why a certificate was revoked."""
    return REASONS[lang].get(text, text)


def _moment(text: str) -> str:
    from signing.report_times import china

    return china(text.replace(" ", "T", 1)) or text


def _is_name(text: str) -> bool:
    """One word with no blank in it: a name of a field, a file, an algorithm, a subtype of PDF."""
    return not re.search(r"\s", text)
