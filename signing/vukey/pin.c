/* PINs: the data key is wrapped once under the user's PIN and once under the security officer's (SO).
 *
 * A try is taken away on disk BEFORE the PIN is looked at, and given back when it was right: who kills the process
 * in between has used a try up. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "vukey.h"

enum { BOUND_SIZE = SERIAL_SIZE + EPOCH_SIZE + 1, MAX_MEMORY = 512 * 1024 * 1024 };

static struct pin *pin_of(struct image *image, enum login who) { return who == SO ? &image->so : &image->user; }
static uint8_t all_tries(enum login who) { return who == SO ? SO_TRIES : USER_TRIES; }

static bool derive(const struct image *image, const struct pin *pin, const CK_UTF8CHAR *text, CK_ULONG size,
                   uint8_t key[KEY_SIZE])
{
    return EVP_PBE_scrypt((const char *)text, size, pin->salt, SALT_SIZE, 1ULL << image->cost, 8, 1, MAX_MEMORY,
                          key, KEY_SIZE) == 1;
}

static void bind_to(const struct image *image, enum login who, uint8_t bound[BOUND_SIZE])
{
    memcpy(bound, image->serial, SERIAL_SIZE);
    memcpy(bound + SERIAL_SIZE, image->epoch, EPOCH_SIZE);
    bound[BOUND_SIZE - 1] = (uint8_t)who;
}

/* A new PIN has 6 to 16 printable ASCII characters: any keyboard can type it. */
static CK_RV acceptable(const CK_UTF8CHAR *pin, CK_ULONG size)
{
    if (!pin)
        return CKR_ARGUMENTS_BAD;
    if (size < MIN_PIN || size > MAX_PIN)
        return CKR_PIN_LEN_RANGE;
    for (CK_ULONG i = 0; i < size; i++)
        if (pin[i] < 0x21 || pin[i] > 0x7e)
            return CKR_PIN_INVALID;
    return CKR_OK;
}

/* Puts a PIN into the image; the caller commits. */
static CK_RV place(struct image *image, enum login who, const CK_UTF8CHAR *text, CK_ULONG size,
                   const uint8_t data_key[KEY_SIZE], bool must_change)
{
    struct pin fresh = {.set = 1, .must_change = must_change, .tries = all_tries(who)};
    uint8_t key[KEY_SIZE], bound[BOUND_SIZE];
    bind_to(image, who, bound);
    bool done = RAND_bytes(fresh.salt, SALT_SIZE) == 1 && derive(image, &fresh, text, size, key) &&
                wrap(key, bound, BOUND_SIZE, data_key, fresh.wrapped);
    OPENSSL_cleanse(key, KEY_SIZE);
    if (done)
        *pin_of(image, who) = fresh;
    return done ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV try_once(struct token *token, enum login who, const CK_UTF8CHAR *text, CK_ULONG size,
                      uint8_t data_key[KEY_SIZE])
{
    struct pin *pin = pin_of(&token->image, who);
    uint8_t key[KEY_SIZE], bound[BOUND_SIZE];
    pin->tries--;
    CK_RV result = store_commit(token);
    if (result != CKR_OK)
        return result;
    bind_to(&token->image, who, bound);
    bool derived = derive(&token->image, pin, text, size, key);
    bool right = derived && unwrap(key, bound, BOUND_SIZE, pin->wrapped, data_key);
    OPENSSL_cleanse(key, KEY_SIZE);
    if (!right && derived)
        return CKR_PIN_INCORRECT;
    if (derived)
        pin->tries = all_tries(who);
    else
        pin->tries++; /* nobody looked at it */
    result = store_commit(token);
    if (result == CKR_OK && right)
        return CKR_OK;
    OPENSSL_cleanse(data_key, KEY_SIZE);
    return right ? result : CKR_HOST_MEMORY;
}

CK_RV pin_check(struct token *token, enum login who, const CK_UTF8CHAR *text, CK_ULONG size,
                uint8_t data_key[KEY_SIZE])
{
    if (!text)
        return CKR_ARGUMENTS_BAD;
    CK_RV result = store_begin(token);
    if (result != CKR_OK)
        return result;
    const struct pin *pin = pin_of(&token->image, who);
    if (!pin->set)
        result = CKR_USER_PIN_NOT_INITIALIZED;
    else if (pin->tries == 0)
        result = CKR_PIN_LOCKED;
    else if (size < MIN_PIN || size > MAX_PIN)
        result = CKR_PIN_LEN_RANGE; /* it cannot be the PIN: no try is used up */
    else
        result = try_once(token, who, text, size, data_key);
    bool locked = pin->set && pin->tries == 0;
    store_end(token, result == CKR_OK || result == CKR_PIN_INCORRECT);
    if (locked && token->login == who)
        log_out(token);
    return result;
}

static CK_RV log_in(struct token *token, enum login who, const CK_UTF8CHAR *pin, CK_ULONG size)
{
    if (token->login == who)
        return CKR_USER_ALREADY_LOGGED_IN;
    if (token->login != NOBODY)
        return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
    if (who == SO && count_sessions(token, false) != count_sessions(token, true))
        return CKR_SESSION_READ_ONLY_EXISTS;
    uint8_t data_key[KEY_SIZE];
    CK_RV result = pin_check(token, who, pin, size, data_key);
    if (result == CKR_OK) {
        memcpy(token->data_key, data_key, KEY_SIZE);
        token->login = who;
    }
    OPENSSL_cleanse(data_key, KEY_SIZE);
    return result;
}

/* For one signature with the key that asks for the PIN each time. */
static CK_RV affirm(struct session *session, const CK_UTF8CHAR *pin, CK_ULONG size)
{
    uint8_t data_key[KEY_SIZE];
    if (!session->signing.active || !session->signing.must_authenticate)
        return CKR_OPERATION_NOT_INITIALIZED;
    CK_RV result = pin_check(session->token, USER, pin, size, data_key);
    OPENSSL_cleanse(data_key, KEY_SIZE);
    if (result == CKR_OK && !session->signing.active)
        return CKR_DEVICE_REMOVED; /* made anew meanwhile: the signature ended */
    if (result == CKR_OK)
        session->signing.authenticated = true;
    return result;
}

CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG size)
{
    struct session *session;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    switch (user) {
    case CKU_USER:
        return leave(log_in(session->token, USER, pin, size));
    case CKU_SO:
        return leave(log_in(session->token, SO, pin, size));
    case CKU_CONTEXT_SPECIFIC:
        return leave(affirm(session, pin, size));
    default:
        return leave(CKR_USER_TYPE_INVALID);
    }
}

CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
    struct session *session;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (session->token->login == NOBODY)
        return leave(CKR_USER_NOT_LOGGED_IN);
    log_out(session->token);
    return leave(CKR_OK);
}

/* Writes a PIN that is wrapped around a known data key. */
static CK_RV change(struct token *token, enum login who, const CK_UTF8CHAR *pin, CK_ULONG size,
                    const uint8_t data_key[KEY_SIZE], bool must_change)
{
    CK_RV result = store_begin_same(token); /* the data key of a token made anew is another one */
    if (result != CKR_OK)
        return result;
    result = place(&token->image, who, pin, size, data_key, must_change);
    if (result == CKR_OK)
        result = store_commit(token);
    store_end(token, result == CKR_OK);
    return result;
}

CK_RV C_SetPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR *old, CK_ULONG old_size, CK_UTF8CHAR *fresh,
               CK_ULONG fresh_size)
{
    struct session *session;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (!session->writable)
        return leave(CKR_SESSION_READ_ONLY);
    result = acceptable(fresh, fresh_size);
    if (result != CKR_OK)
        return leave(result);
    if (old && old_size == fresh_size && CRYPTO_memcmp(old, fresh, old_size) == 0)
        return leave(CKR_PIN_INVALID); /* not a change */
    struct token *token = session->token;
    enum login who = token->login == SO ? SO : USER;
    uint8_t data_key[KEY_SIZE];
    result = pin_check(token, who, old, old_size, data_key);
    if (result == CKR_OK)
        result = change(token, who, fresh, fresh_size, data_key, false);
    OPENSSL_cleanse(data_key, KEY_SIZE);
    return leave(result);
}

/* The SO gives the user a new PIN: the way out of a lock, with the keys kept. The user should change it. */
CK_RV C_InitPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR *pin, CK_ULONG size)
{
    struct session *session;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (session->token->login != SO)
        return leave(CKR_USER_NOT_LOGGED_IN);
    result = acceptable(pin, size);
    if (result == CKR_OK)
        result = change(session->token, USER, pin, size, session->token->data_key, true);
    return leave(result);
}

static uint8_t chosen_cost(void)
{
    const char *text = getenv("LUOCHUI_VUKEY_COST"); /* cheaper for tests, dearer for who likes to wait */
    int cost = text ? atoi(text) : DEFAULT_COST;
    return (uint8_t)(cost < MIN_COST ? MIN_COST : cost > MAX_COST ? MAX_COST : cost);
}

static bool new_serial(uint8_t serial[SERIAL_SIZE])
{
    static const char HEX[] = "0123456789ABCDEF";
    uint8_t random[SERIAL_SIZE];
    if (RAND_bytes(random, sizeof random) != 1)
        return false;
    for (size_t i = 0; i < SERIAL_SIZE; i++)
        serial[i] = (uint8_t)HEX[random[i] & 15];
    return true;
}

/* An empty token with a new data key; its serial number stays if it has one. */
static CK_RV make(struct token *token, const CK_UTF8CHAR *pin, CK_ULONG size, const CK_UTF8CHAR *label)
{
    struct image fresh = {.generation = token->image.generation, .initialized = 1, .next_handle = 1};
    uint8_t data_key[KEY_SIZE];
    fresh.cost = chosen_cost();
    memcpy(fresh.label, label, sizeof fresh.label);
    memcpy(fresh.serial, token->image.serial, SERIAL_SIZE);
    if ((!token->image.initialized && !new_serial(fresh.serial)) || RAND_bytes(fresh.epoch, EPOCH_SIZE) != 1 ||
        RAND_priv_bytes(data_key, KEY_SIZE) != 1)
        return CKR_GENERAL_ERROR;
    CK_RV result = place(&fresh, SO, pin, size, data_key, false);
    OPENSSL_cleanse(data_key, KEY_SIZE);
    if (result != CKR_OK)
        return result;
    log_out(token);
    image_clear(&token->image);
    token->image = fresh;
    return store_commit(token);
}

CK_RV C_InitToken(CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG size, CK_UTF8CHAR *label)
{
    CK_RV result = enter();
    if (result != CKR_OK)
        return result;
    struct token *token = token_in(slot);
    if (!token || !label)
        return leave(token ? CKR_ARGUMENTS_BAD : CKR_SLOT_ID_INVALID);
    if (count_sessions(token, false) > 0)
        return leave(CKR_SESSION_EXISTS);
    result = store_refresh(token);
    if (result != CKR_OK)
        return leave(result);
    uint8_t unused[KEY_SIZE];
    result = token->image.initialized ? pin_check(token, SO, pin, size, unused) : acceptable(pin, size);
    OPENSSL_cleanse(unused, KEY_SIZE);
    if (result == CKR_OK)
        result = store_begin_same(token);
    if (result != CKR_OK)
        return leave(result);
    result = make(token, pin, size, label);
    store_end(token, result == CKR_OK);
    return leave(result);
}
