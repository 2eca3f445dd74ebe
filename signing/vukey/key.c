/* SM2 keys: made on the token, kept wrapped under the data key, opened only for a logged-in user. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "vukey.h"

const uint8_t SM2_CURVE[10] = {0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d};
static const char USER_ID[] = "1234567812345678"; /* OpenSSL's own default is none */

enum { BOUND_SIZE = SERIAL_SIZE + EPOCH_SIZE + POINT_SIZE };

static void bind_to(const struct image *image, const uint8_t point[POINT_SIZE], uint8_t bound[BOUND_SIZE])
{
    memcpy(bound, image->serial, SERIAL_SIZE);
    memcpy(bound + SERIAL_SIZE, image->epoch, EPOCH_SIZE);
    memcpy(bound + SERIAL_SIZE + EPOCH_SIZE, point, POINT_SIZE);
}

static EVP_PKEY *assemble(const uint8_t point[POINT_SIZE], const uint8_t secret[KEY_SIZE])
{
    EVP_PKEY *key = NULL;
    BIGNUM *number = BN_bin2bn(secret, KEY_SIZE, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    if (number)
        BN_set_flags(number, BN_FLG_CONSTTIME);
    if (number && builder && context &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, POINT_SIZE) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1 &&
        (parameters = OSSL_PARAM_BLD_to_param(builder)) && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters) != 1)
        key = NULL;
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    BN_clear_free(number);
    return key;
}

/* A context with the user ID set, to be copied for each signature. */
static EVP_MD_CTX *prepare(EVP_PKEY *key)
{
    EVP_PKEY_CTX *inner; /* owned by the context */
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_DigestSignInit(context, &inner, EVP_sm3(), NULL, key) == 1 &&
        EVP_PKEY_CTX_set1_id(inner, USER_ID, sizeof USER_ID - 1) == 1)
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

/* Opens the key for signing; the result stays with the object until the logout. */
CK_RV key_prepare(struct token *token, struct object *object)
{
    if (object->prepared)
        return CKR_OK;
    uint8_t secret[KEY_SIZE], bound[BOUND_SIZE];
    bind_to(&token->image, object->point, bound);
    if (object->size != WRAPPED_SIZE || !unwrap(token->data_key, bound, BOUND_SIZE, object->value, secret))
        return CKR_DEVICE_ERROR; /* the file was tampered with */
    EVP_PKEY *key = assemble(object->point, secret);
    OPENSSL_cleanse(secret, KEY_SIZE);
    if (key)
        object->prepared = prepare(key);
    EVP_PKEY_free(key);
    return object->prepared ? CKR_OK : CKR_DEVICE_ERROR;
}

static bool coordinate(EVP_PKEY *key, const char *name, uint8_t *bytes)
{
    BIGNUM *number = NULL;
    bool done = EVP_PKEY_get_bn_param(key, name, &number) == 1 && BN_bn2binpad(number, bytes, KEY_SIZE) == KEY_SIZE;
    BN_clear_free(number);
    return done;
}

static bool generate(uint8_t point[POINT_SIZE], uint8_t secret[KEY_SIZE])
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    point[0] = 4;
    bool done = key && coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, point + 1) &&
                coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, point + 1 + KEY_SIZE) &&
                coordinate(key, OSSL_PKEY_PARAM_PRIV_KEY, secret);
    EVP_PKEY_free(key);
    return done;
}

CK_RV key_generate(struct token *token, struct object *public_key, struct object *private_key)
{
    uint8_t secret[KEY_SIZE], bound[BOUND_SIZE];
    private_key->value = malloc(WRAPPED_SIZE);
    private_key->size = WRAPPED_SIZE;
    bool done = private_key->value && generate(private_key->point, secret);
    if (done) {
        bind_to(&token->image, private_key->point, bound);
        done = wrap(token->data_key, bound, BOUND_SIZE, secret, private_key->value);
    }
    OPENSSL_cleanse(secret, KEY_SIZE);
    memcpy(public_key->point, private_key->point, POINT_SIZE);
    return done ? CKR_OK : CKR_DEVICE_ERROR;
}
