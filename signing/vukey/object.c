/* Objects: keys made here, certificates and data (the seal) put here. Every object is on the token and stays. */
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "vukey.h"

/* Attributes that are yes or no: what each class says (data, certificate, public, private); '-' has none. */
static const struct { CK_ATTRIBUTE_TYPE type; char says[5]; } SWITCHES[] = {
    {CKA_TOKEN, "1111"},     {CKA_PRIVATE, "0001"},          {CKA_MODIFIABLE, "1111"},
    {CKA_TRUSTED, "-0--"},   {CKA_LOCAL, "--11"},            {CKA_SENSITIVE, "---1"},
    {CKA_SIGN, "---1"},      {CKA_ALWAYS_SENSITIVE, "---1"}, {CKA_NEVER_EXTRACTABLE, "---1"},
    {CKA_VERIFY, "--1-"},    {CKA_EXTRACTABLE, "---0"},      {CKA_SIGN_RECOVER, "---0"},
    {CKA_DECRYPT, "---0"},   {CKA_UNWRAP, "---0"},           {CKA_DERIVE, "--00"},
    {CKA_ENCRYPT, "--0-"},   {CKA_WRAP, "--0-"},             {CKA_VERIFY_RECOVER, "--0-"},
};

/* An attribute's value: in `bytes`, which may be `room`, the object's own, or allocated. */
struct answer {
    const uint8_t *bytes;
    size_t size;
    uint8_t room[POINT_SIZE + 2];
    uint8_t *owned;
};

static char says(CK_ATTRIBUTE_TYPE type, uint32_t class)
{
    for (size_t i = 0; i < sizeof SWITCHES / sizeof *SWITCHES; i++)
        if (SWITCHES[i].type == type)
            return SWITCHES[i].says[class];
    return '?';
}

static CK_RV give(struct answer *answer, const void *bytes, size_t size)
{
    answer->bytes = bytes;
    answer->size = size;
    return CKR_OK;
}

static CK_RV give_number(struct answer *answer, CK_ULONG number)
{
    memcpy(answer->room, &number, sizeof number);
    return give(answer, answer->room, sizeof number);
}

static CK_RV give_switch(struct answer *answer, bool on)
{
    answer->room[0] = on ? CK_TRUE : CK_FALSE;
    return give(answer, answer->room, 1);
}

static CK_RV certificate_attribute(const struct object *object, CK_ATTRIBUTE_TYPE type, struct answer *answer)
{
    const uint8_t *next = object->value;
    X509 *certificate = d2i_X509(NULL, &next, (long)object->size);
    int size = -1;
    if (certificate && type == CKA_SUBJECT)
        size = i2d_X509_NAME(X509_get_subject_name(certificate), &answer->owned);
    else if (certificate && type == CKA_ISSUER)
        size = i2d_X509_NAME(X509_get_issuer_name(certificate), &answer->owned);
    else if (certificate)
        size = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &answer->owned);
    X509_free(certificate);
    return size >= 0 ? give(answer, answer->owned, (size_t)size) : CKR_DEVICE_ERROR;
}

static CK_RV key_attribute(const struct object *object, CK_ATTRIBUTE_TYPE type, struct answer *answer)
{
    switch (type) {
    case CKA_KEY_TYPE:
        return give_number(answer, CKK_VENDOR_SM2);
    case CKA_KEY_GEN_MECHANISM:
        return give_number(answer, CKM_VENDOR_SM2_KEY_PAIR_GEN);
    case CKA_EC_PARAMS:
        return give(answer, SM2_CURVE, sizeof SM2_CURVE);
    case CKA_EC_POINT: /* an OCTET STRING, as the standard has it */
        answer->room[0] = 0x04;
        answer->room[1] = POINT_SIZE;
        memcpy(answer->room + 2, object->point, POINT_SIZE);
        return give(answer, answer->room, POINT_SIZE + 2);
    case CKA_SUBJECT:
        return give(answer, NULL, 0);
    case CKA_ALWAYS_AUTHENTICATE:
        return object->class == CKO_PRIVATE_KEY ? give_switch(answer, object->always_authenticate)
                                                : CKR_ATTRIBUTE_TYPE_INVALID;
    case CKA_VALUE:
        return object->class == CKO_PRIVATE_KEY ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID;
    default:
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
}

static CK_RV own_attribute(const struct object *object, CK_ATTRIBUTE_TYPE type, struct answer *answer)
{
    if (object->class >= CKO_PUBLIC_KEY)
        return key_attribute(object, type, answer);
    if (type == CKA_VALUE)
        return give(answer, object->value, object->size);
    if (object->class == CKO_DATA)
        return type == CKA_APPLICATION ? give(answer, object->application.bytes, object->application.size)
                                       : CKR_ATTRIBUTE_TYPE_INVALID;
    if (type == CKA_CERTIFICATE_TYPE)
        return give_number(answer, CKC_X_509);
    if (type == CKA_SUBJECT || type == CKA_ISSUER || type == CKA_SERIAL_NUMBER)
        return certificate_attribute(object, type, answer);
    return CKR_ATTRIBUTE_TYPE_INVALID;
}

static CK_RV attribute(const struct object *object, CK_ATTRIBUTE_TYPE type, struct answer *answer)
{
    answer->owned = NULL;
    switch (type) {
    case CKA_CLASS:
        return give_number(answer, object->class);
    case CKA_LABEL:
        return give(answer, object->label.bytes, object->label.size);
    case CKA_ID:
        return give(answer, object->id.bytes, object->id.size);
    default:
        break;
    }
    char fixed = says(type, object->class);
    if (fixed == '0' || fixed == '1')
        return give_switch(answer, fixed == '1');
    return own_attribute(object, type, answer);
}

bool object_visible(const struct token *token, const struct object *object)
{
    return object->class != CKO_PRIVATE_KEY || token->login == USER;
}

static struct object *visible(struct token *token, CK_OBJECT_HANDLE handle)
{
    struct object *object = image_find(&token->image, handle);
    return object && object_visible(token, object) ? object : NULL;
}

static bool sane(const CK_ATTRIBUTE *template, CK_ULONG count)
{
    if (count > MAX_TEMPLATE || (!template && count))
        return false;
    for (CK_ULONG i = 0; i < count; i++)
        if (!template[i].pValue && template[i].ulValueLen)
            return false;
    return true;
}

static bool matches(const struct object *object, const CK_ATTRIBUTE *template, CK_ULONG count)
{
    bool same = true;
    for (CK_ULONG i = 0; i < count && same; i++) {
        struct answer answer;
        same = attribute(object, template[i].type, &answer) == CKR_OK && answer.size == template[i].ulValueLen &&
               (answer.size == 0 || memcmp(answer.bytes, template[i].pValue, answer.size) == 0);
        OPENSSL_free(answer.owned);
    }
    return same;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count)
{
    struct session *session;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (session->finding)
        return leave(CKR_OPERATION_ACTIVE);
    if (!sane(template, count))
        return leave(CKR_ARGUMENTS_BAD);
    const struct image *image = &session->token->image;
    session->finding = true;
    session->found = session->given = 0;
    for (uint32_t i = 0; i < image->count; i++)
        if (object_visible(session->token, &image->objects[i]) && matches(&image->objects[i], template, count))
            session->matches[session->found++] = image->objects[i].handle;
    return leave(CKR_OK);
}

CK_RV C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *list, CK_ULONG room, CK_ULONG *count)
{
    struct session *session;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (!session->finding)
        return leave(CKR_OPERATION_NOT_INITIALIZED);
    if (!count || (!list && room))
        return leave(CKR_ARGUMENTS_BAD);
    for (*count = 0; *count < room && session->given < session->found; (*count)++)
        list[*count] = session->matches[session->given++];
    return leave(CKR_OK);
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
    struct session *session;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (!session->finding)
        return leave(CKR_OPERATION_NOT_INITIALIZED);
    session->finding = false;
    return leave(CKR_OK);
}

static CK_RV answer_one(const struct object *object, CK_ATTRIBUTE *wanted)
{
    struct answer answer;
    CK_RV result = attribute(object, wanted->type, &answer);
    if (result == CKR_OK && wanted->pValue && wanted->ulValueLen < answer.size)
        result = CKR_BUFFER_TOO_SMALL;
    if (result == CKR_OK && wanted->pValue && answer.size)
        memcpy(wanted->pValue, answer.bytes, answer.size);
    wanted->ulValueLen = result == CKR_OK ? answer.size : CK_UNAVAILABLE_INFORMATION;
    OPENSSL_free(answer.owned);
    return result;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object_handle, CK_ATTRIBUTE *template,
                          CK_ULONG count)
{
    struct session *session;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    const struct object *object = visible(session->token, object_handle);
    if (!object)
        return leave(CKR_OBJECT_HANDLE_INVALID);
    if (!template || count > MAX_TEMPLATE)
        return leave(CKR_ARGUMENTS_BAD);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV one = answer_one(object, &template[i]);
        result = one == CKR_OK ? result : one; /* all are answered that can be */
    }
    return leave(result);
}

static CK_RV take_text(struct text *text, const CK_ATTRIBUTE *attribute)
{
    if (attribute->ulValueLen > MAX_TEXT)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    text->size = (uint8_t)attribute->ulValueLen;
    if (text->size)
        memcpy(text->bytes, attribute->pValue, text->size);
    return CKR_OK;
}

static bool take_number(const CK_ATTRIBUTE *attribute, CK_ULONG *number)
{
    if (attribute->ulValueLen != sizeof *number)
        return false;
    memcpy(number, attribute->pValue, sizeof *number);
    return true;
}

/* Whether a wish agrees with what the class says anyway. Switching off what does not exist is no wish. */
static CK_RV agrees(const struct object *object, const CK_ATTRIBUTE *wish)
{
    char fixed = says(wish->type, object->class);
    if (fixed == '?') {
        struct answer answer;
        CK_RV result = attribute(object, wish->type, &answer);
        if (result == CKR_OK && (answer.size != wish->ulValueLen ||
                                 (answer.size && memcmp(answer.bytes, wish->pValue, answer.size) != 0)))
            result = CKR_TEMPLATE_INCONSISTENT;
        OPENSSL_free(answer.owned);
        return result == CKR_OK || result == CKR_TEMPLATE_INCONSISTENT ? result : CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (wish->ulValueLen != 1)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    bool on = *(const CK_BBOOL *)wish->pValue != CK_FALSE;
    if (fixed == '-')
        return on ? CKR_ATTRIBUTE_TYPE_INVALID : CKR_OK;
    return on == (fixed == '1') ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

static CK_RV take_value(struct object *object, const CK_ATTRIBUTE *attribute)
{
    if (object->value || attribute->ulValueLen == 0 || attribute->ulValueLen > MAX_VALUE)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    object->value = malloc(attribute->ulValueLen);
    if (!object->value)
        return CKR_HOST_MEMORY;
    object->size = (uint32_t)attribute->ulValueLen;
    memcpy(object->value, attribute->pValue, object->size);
    return CKR_OK;
}

static CK_RV take(struct object *object, const CK_ATTRIBUTE *attribute)
{
    bool key = object->class >= CKO_PUBLIC_KEY;
    switch (attribute->type) {
    case CKA_LABEL:
        return take_text(&object->label, attribute);
    case CKA_ID:
        return take_text(&object->id, attribute);
    case CKA_APPLICATION:
        return object->class == CKO_DATA ? take_text(&object->application, attribute) : CKR_ATTRIBUTE_TYPE_INVALID;
    case CKA_VALUE:
        return key ? CKR_TEMPLATE_INCONSISTENT : take_value(object, attribute);
    case CKA_ALWAYS_AUTHENTICATE:
        if (object->class != CKO_PRIVATE_KEY || attribute->ulValueLen != 1)
            return CKR_ATTRIBUTE_TYPE_INVALID;
        object->always_authenticate = *(const CK_BBOOL *)attribute->pValue != CK_FALSE;
        return CKR_OK;
    default:
        return CKR_OK; /* compared afterwards, when the value is there */
    }
}

static bool taken(CK_ATTRIBUTE_TYPE type)
{
    return type == CKA_LABEL || type == CKA_ID || type == CKA_APPLICATION || type == CKA_VALUE ||
           type == CKA_ALWAYS_AUTHENTICATE || type == CKA_CERTIFICATE_CATEGORY;
}

static bool is_certificate(const struct object *object)
{
    const uint8_t *next = object->value;
    X509 *certificate = d2i_X509(NULL, &next, (long)object->size);
    bool whole = certificate && next == object->value + object->size;
    X509_free(certificate);
    return whole;
}

/* `object` has its class; on failure the caller clears it. */
static CK_RV fill(struct object *object, const CK_ATTRIBUTE *template, CK_ULONG count)
{
    CK_RV result = CKR_OK;
    for (CK_ULONG i = 0; i < count && result == CKR_OK; i++)
        result = take(object, &template[i]);
    if (result == CKR_OK && object->class < CKO_PUBLIC_KEY && !object->value)
        result = CKR_TEMPLATE_INCOMPLETE;
    if (result == CKR_OK && object->class == CKO_CERTIFICATE && !is_certificate(object))
        result = CKR_ATTRIBUTE_VALUE_INVALID;
    for (CK_ULONG i = 0; i < count && result == CKR_OK; i++)
        if (!taken(template[i].type))
            result = agrees(object, &template[i]);
    return result;
}

/* Writing needs a session that may, and the user. */
static CK_RV write_enter(CK_SESSION_HANDLE handle, struct session **session)
{
    CK_RV result = session_enter(handle, session);
    if (result != CKR_OK)
        return result;
    if (!(*session)->writable)
        return leave(CKR_SESSION_READ_ONLY);
    return (*session)->token->login == USER ? CKR_OK : leave(CKR_USER_NOT_LOGGED_IN);
}

/* Takes over `fresh` on success. */
static CK_RV store_objects(struct token *token, struct object *fresh, uint32_t count)
{
    CK_RV result = store_begin(token);
    if (result != CKR_OK)
        return result;
    struct image *image = &token->image;
    if (token->login != USER) { /* another program made the token anew meanwhile */
        store_end(token, true);
        return CKR_DEVICE_REMOVED;
    }
    if (image->count + count > MAX_OBJECTS || image->next_handle > UINT32_MAX - count) {
        store_end(token, true);
        return CKR_DEVICE_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        fresh[i].handle = image->next_handle++;
        image->objects[image->count++] = fresh[i];
    }
    result = store_commit(token);
    if (result != CKR_OK) { /* the caller keeps and clears them */
        image->count -= count;
        memset(&image->objects[image->count], 0, count * sizeof *fresh);
    }
    store_end(token, result == CKR_OK);
    return result;
}

static void clear_all(struct object *objects, size_t count)
{
    for (size_t i = 0; i < count; i++)
        object_clear(&objects[i]);
}

static CK_RV class_of(const CK_ATTRIBUTE *template, CK_ULONG count, CK_ULONG *class)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (template[i].type == CKA_CLASS)
            return take_number(&template[i], class) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
    return CKR_TEMPLATE_INCOMPLETE;
}

CK_RV C_CreateObject(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
    struct session *session;
    CK_ULONG class;
    CK_RV result = write_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (!object || !sane(template, count))
        return leave(CKR_ARGUMENTS_BAD);
    result = class_of(template, count, &class);
    if (result == CKR_OK && class != CKO_DATA && class != CKO_CERTIFICATE)
        result = CKR_TEMPLATE_INCONSISTENT; /* keys are made here, never brought */
    if (result != CKR_OK)
        return leave(result);
    struct object fresh = {.class = (uint32_t)class};
    result = fill(&fresh, template, count);
    if (result == CKR_OK)
        result = store_objects(session->token, &fresh, 1);
    if (result == CKR_OK)
        *object = fresh.handle;
    else
        object_clear(&fresh);
    return leave(result);
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template,
                        CK_ULONG public_count, CK_ATTRIBUTE *private_template, CK_ULONG private_count,
                        CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    struct session *session;
    CK_RV result = write_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (!mechanism || !public_key || !private_key || !sane(public_template, public_count) ||
        !sane(private_template, private_count))
        return leave(CKR_ARGUMENTS_BAD);
    if (mechanism->mechanism != CKM_VENDOR_SM2_KEY_PAIR_GEN)
        return leave(CKR_MECHANISM_INVALID);
    if (mechanism->ulParameterLen != 0)
        return leave(CKR_MECHANISM_PARAM_INVALID);
    struct object pair[2] = {{.class = CKO_PUBLIC_KEY}, {.class = CKO_PRIVATE_KEY}};
    result = fill(&pair[0], public_template, public_count);
    if (result == CKR_OK)
        result = fill(&pair[1], private_template, private_count);
    if (result == CKR_OK)
        result = key_generate(session->token, &pair[0], &pair[1]);
    if (result == CKR_OK)
        result = store_objects(session->token, pair, 2);
    if (result != CKR_OK) {
        clear_all(pair, 2);
        return leave(result);
    }
    *public_key = pair[0].handle;
    *private_key = pair[1].handle;
    return leave(CKR_OK);
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object_handle)
{
    struct session *session;
    CK_RV result = write_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    struct token *token = session->token;
    result = store_begin(token);
    if (result != CKR_OK)
        return leave(result);
    struct object *object = visible(token, object_handle);
    if (!object) {
        store_end(token, true);
        return leave(CKR_OBJECT_HANDLE_INVALID);
    }
    struct image *image = &token->image;
    object_clear(object);
    *object = image->objects[--image->count];
    memset(&image->objects[image->count], 0, sizeof *object);
    result = store_commit(token);
    store_end(token, result == CKR_OK);
    return leave(result);
}

CK_RV C_SetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object_handle, CK_ATTRIBUTE *template,
                          CK_ULONG count)
{
    struct session *session;
    CK_RV result = write_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (!count || !sane(template, count))
        return leave(CKR_ARGUMENTS_BAD);
    for (CK_ULONG i = 0; i < count; i++)
        if (template[i].type != CKA_LABEL && template[i].type != CKA_ID)
            return leave(CKR_ATTRIBUTE_READ_ONLY);
    struct token *token = session->token;
    result = store_begin(token);
    if (result != CKR_OK)
        return leave(result);
    struct object *object = visible(token, object_handle);
    result = object ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
    for (CK_ULONG i = 0; i < count && result == CKR_OK; i++)
        result = take(object, &template[i]);
    if (result == CKR_OK)
        result = store_commit(token);
    store_end(token, result == CKR_OK);
    return leave(result);
}
