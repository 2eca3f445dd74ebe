/* Wrapping of 32-byte keys: AES-256-GCM, bound to the place where the result is kept. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "vukey.h"

bool wrap(const uint8_t key[KEY_SIZE], const uint8_t *bound, size_t bound_size, const uint8_t plain[KEY_SIZE],
          uint8_t wrapped[WRAPPED_SIZE])
{
    uint8_t *nonce = wrapped, *body = wrapped + NONCE_SIZE, *tag = body + KEY_SIZE;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size = 0;
    bool done = context && RAND_bytes(nonce, NONCE_SIZE) == 1 &&
                EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
                EVP_EncryptUpdate(context, NULL, &size, bound, (int)bound_size) == 1 &&
                EVP_EncryptUpdate(context, body, &size, plain, KEY_SIZE) == 1 && size == KEY_SIZE &&
                EVP_EncryptFinal_ex(context, tag, &size) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

bool unwrap(const uint8_t key[KEY_SIZE], const uint8_t *bound, size_t bound_size,
            const uint8_t wrapped[WRAPPED_SIZE], uint8_t plain[KEY_SIZE])
{
    const uint8_t *nonce = wrapped, *body = wrapped + NONCE_SIZE;
    uint8_t tag[TAG_SIZE], rest[TAG_SIZE];
    memcpy(tag, body + KEY_SIZE, TAG_SIZE);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size = 0;
    bool done = context && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
                EVP_DecryptUpdate(context, NULL, &size, bound, (int)bound_size) == 1 &&
                EVP_DecryptUpdate(context, plain, &size, body, KEY_SIZE) == 1 && size == KEY_SIZE &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 &&
                EVP_DecryptFinal_ex(context, rest, &size) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!done)
        OPENSSL_cleanse(plain, KEY_SIZE); /* what did not authenticate is not given to anyone */
    return done;
}
