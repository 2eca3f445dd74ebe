/* A UKey with other habits, for the tests of device profiles: the virtual one (INNER names its module) behind a
 * driver that gives signatures as DER and CKA_EC_POINT without its OCTET STRING. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "cryptoki.h"

static CK_FUNCTION_LIST list, *inner;

static CK_ULONG put_number(const CK_BYTE raw[32], CK_BYTE *der)
{
    CK_ULONG skip = 0, sign;
    while (skip < 31 && raw[skip] == 0)
        skip++;
    sign = raw[skip] >> 7;
    der[0] = 2;
    der[1] = (CK_BYTE)(32 - skip + sign);
    der[2] = 0;
    memcpy(der + 2 + sign, raw + skip, 32 - skip);
    return 2 + der[1];
}

static CK_RV sign_as_der(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG *length)
{
    CK_BYTE raw[64];
    CK_ULONG count = sizeof raw, body;
    if (!signature || *length < 72) {
        *length = 72;
        return signature ? CKR_BUFFER_TOO_SMALL : CKR_OK;
    }
    CK_RV result = inner->C_Sign(session, data, size, raw, &count);
    if (result != CKR_OK)
        return result;
    body = put_number(raw, signature + 2);
    body += put_number(raw + 32, signature + 2 + body);
    signature[0] = 0x30;
    signature[1] = (CK_BYTE)body;
    *length = 2 + body;
    return CKR_OK;
}

static CK_RV get_bare_point(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *wanted)
{
    CK_BYTE wrapped[67];
    CK_ATTRIBUTE own = {CKA_EC_POINT, wrapped, sizeof wrapped};
    CK_RV result = inner->C_GetAttributeValue(session, object, &own, 1);
    if (result == CKR_OK && wanted->pValue && wanted->ulValueLen < 65)
        result = CKR_BUFFER_TOO_SMALL;
    if (result == CKR_OK && wanted->pValue)
        memcpy(wanted->pValue, wrapped + 2, 65);
    wanted->ulValueLen = result == CKR_OK ? 65 : CK_UNAVAILABLE_INFORMATION;
    return result;
}

static CK_RV get_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    CK_RV result = CKR_OK;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV one = wanted[i].type == CKA_EC_POINT ? get_bare_point(session, object, &wanted[i])
                                                   : inner->C_GetAttributeValue(session, object, &wanted[i], 1);
        result = one == CKR_OK ? result : one;
    }
    return result;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **given)
{
    void *module = dlopen(getenv("INNER"), RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
    if (!get || get(&inner) != CKR_OK)
        return CKR_GENERAL_ERROR;
    list = *inner;
    list.C_Sign = sign_as_der;
    list.C_GetAttributeValue = get_attributes;
    *given = &list;
    return CKR_OK;
}
