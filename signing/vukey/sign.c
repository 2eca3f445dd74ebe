/* Signing: SM2 with SM3 over a message, or SM2 over a digest that the caller made. Results are r and s, 32 bytes
 * each. The arithmetic runs outside the module's lock, so that threads and tokens do not wait for each other. */
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <string.h>

#include "vukey.h"

enum { MAX_DER = 80 };

static CK_RV to_r_and_s(const uint8_t *der, size_t size, CK_BYTE signature[SIGNATURE_SIZE])
{
    const uint8_t *next = der;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &next, (long)size);
    bool done = numbers && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), signature, 32) == 32 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(numbers), signature + 32, 32) == 32;
    ECDSA_SIG_free(numbers);
    return done ? CKR_OK : CKR_DEVICE_ERROR;
}

static bool sign_digest(EVP_PKEY *key, const uint8_t digest[DIGEST_SIZE], uint8_t der[MAX_DER], size_t *size)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool done = context && EVP_PKEY_sign_init(context) == 1 &&
                EVP_PKEY_sign(context, der, size, digest, DIGEST_SIZE) == 1;
    EVP_PKEY_CTX_free(context);
    return done;
}

/* Uses `signing` up; called without the lock. `data` is the whole message, unless parts came before. */
static CK_RV compute(struct signing *signing, const CK_BYTE *data, CK_ULONG size, CK_BYTE signature[SIGNATURE_SIZE])
{
    static const CK_BYTE nothing[1];
    uint8_t der[MAX_DER];
    size_t length = sizeof der;
    bool done;
    if (signing->mechanism == CKM_VENDOR_SM2_RAW)
        done = sign_digest(signing->key, signing->updated ? signing->digest : data, der, &length);
    else if (signing->updated)
        done = EVP_DigestSignFinal(signing->context, der, &length) == 1;
    else
        done = EVP_DigestSign(signing->context, der, &length, data ? data : nothing, size) == 1;
    signing_end(signing);
    return done ? to_r_and_s(der, length, signature) : CKR_DEVICE_ERROR;
}

/* A key is asked for by who is logged in; the handle of a key that one may not see is no handle. */
static CK_RV open_key(struct token *token, CK_OBJECT_HANDLE handle, struct object **key)
{
    *key = image_find(&token->image, handle);
    if (!*key || (*key)->class != CKO_PRIVATE_KEY)
        return *key && (*key)->class == CKO_PUBLIC_KEY ? CKR_KEY_FUNCTION_NOT_PERMITTED : CKR_KEY_HANDLE_INVALID;
    if (token->login != USER)
        return CKR_USER_NOT_LOGGED_IN;
    if (token->image.user.must_change)
        return CKR_PIN_EXPIRED; /* who gave the PIN knows it too: it signs nothing */
    return key_prepare(token, *key);
}

static CK_RV start(struct signing *signing, const struct object *key, CK_MECHANISM_TYPE mechanism)
{
    signing->context = EVP_MD_CTX_new();
    if (!signing->context || EVP_MD_CTX_copy_ex(signing->context, key->prepared) != 1) {
        signing_end(signing);
        return CKR_HOST_MEMORY;
    }
    if (mechanism == CKM_VENDOR_SM2_RAW) {
        EVP_PKEY_CTX *inner = EVP_MD_CTX_get_pkey_ctx(signing->context);
        EVP_PKEY *pair = EVP_PKEY_CTX_get0_pkey(inner);
        if (!pair || EVP_PKEY_up_ref(pair) != 1) {
            signing_end(signing);
            return CKR_DEVICE_ERROR;
        }
        signing->key = pair;
    }
    signing->active = true;
    signing->mechanism = mechanism;
    signing->must_authenticate = key->always_authenticate;
    return CKR_OK;
}

CK_RV C_SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key_handle)
{
    struct session *session;
    struct object *key;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (!mechanism)
        return leave(CKR_ARGUMENTS_BAD);
    if (session->signing.active)
        return leave(CKR_OPERATION_ACTIVE);
    if (mechanism->mechanism != CKM_VENDOR_SM2_SM3 && mechanism->mechanism != CKM_VENDOR_SM2_RAW)
        return leave(CKR_MECHANISM_INVALID);
    if (mechanism->ulParameterLen != 0)
        return leave(CKR_MECHANISM_PARAM_INVALID);
    result = open_key(session->token, key_handle, &key);
    return leave(result == CKR_OK ? start(&session->signing, key, mechanism->mechanism) : result);
}

/* Enter with a signature under way, the PIN for it given. A signature that lacks its PIN ends here. */
static CK_RV signing_enter(CK_SESSION_HANDLE handle, struct session **session)
{
    CK_RV result = session_enter(handle, session);
    if (result != CKR_OK)
        return result;
    struct signing *signing = &(*session)->signing;
    if (!signing->active)
        return leave(CKR_OPERATION_NOT_INITIALIZED);
    if (!signing->must_authenticate || signing->authenticated)
        return CKR_OK;
    signing_end(signing);
    return leave(CKR_USER_NOT_LOGGED_IN);
}

static CK_RV give_up(struct signing *signing, CK_RV reason)
{
    signing_end(signing);
    return leave(reason);
}

/* The lock is held; asks for the size and too small buffers leave the signature under way. */
static CK_RV finish(struct session *session, const CK_BYTE *data, CK_ULONG size, CK_BYTE *signature,
                    CK_ULONG *length)
{
    CK_ULONG room = *length;
    *length = SIGNATURE_SIZE;
    if (!signature)
        return leave(CKR_OK);
    if (room < SIGNATURE_SIZE)
        return leave(CKR_BUFFER_TOO_SMALL);
    struct signing taken = session->signing; /* from here on the session may be closed by another thread */
    memset(&session->signing, 0, sizeof session->signing);
    leave(CKR_OK);
    return compute(&taken, data, size, signature);
}

CK_RV C_Sign(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG *length)
{
    struct session *session;
    CK_RV result = signing_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    struct signing *signing = &session->signing;
    if (!length || (!data && size))
        return give_up(signing, CKR_ARGUMENTS_BAD);
    if (signing->updated)
        return give_up(signing, CKR_OPERATION_ACTIVE);
    if (signing->mechanism == CKM_VENDOR_SM2_RAW && size != DIGEST_SIZE)
        return give_up(signing, CKR_DATA_LEN_RANGE);
    return finish(session, data, size, signature, length);
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG size)
{
    struct session *session;
    CK_RV result = signing_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    struct signing *signing = &session->signing;
    if (!part && size)
        return give_up(signing, CKR_ARGUMENTS_BAD);
    signing->updated = true;
    if (signing->mechanism == CKM_VENDOR_SM2_RAW) {
        if (size > DIGEST_SIZE - signing->filled)
            return give_up(signing, CKR_DATA_LEN_RANGE);
        if (size)
            memcpy(signing->digest + signing->filled, part, size);
        signing->filled += size;
    } else if (size && EVP_DigestSignUpdate(signing->context, part, size) != 1) {
        return give_up(signing, CKR_DEVICE_ERROR);
    }
    return leave(CKR_OK);
}

CK_RV C_SignFinal(CK_SESSION_HANDLE handle, CK_BYTE *signature, CK_ULONG *length)
{
    struct session *session;
    CK_RV result = signing_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    struct signing *signing = &session->signing;
    if (!length)
        return give_up(signing, CKR_ARGUMENTS_BAD);
    if (signing->mechanism == CKM_VENDOR_SM2_RAW && signing->filled != DIGEST_SIZE)
        return give_up(signing, CKR_DATA_LEN_RANGE);
    return finish(session, NULL, 0, signature, length);
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE handle, CK_BYTE *random, CK_ULONG size)
{
    struct session *session;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (!random || size > MAX_VALUE)
        return leave(CKR_ARGUMENTS_BAD);
    return leave(RAND_bytes(random, (int)size) == 1 ? CKR_OK : CKR_DEVICE_ERROR);
}
