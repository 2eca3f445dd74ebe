/* The inside of the virtual UKey: what the parts know of each other. docs/vukey.md tells the whole. */
#ifndef LUOCHUI_VUKEY_H
#define LUOCHUI_VUKEY_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "cryptoki.h"

enum {
    MAX_TOKENS = 32,
    MAX_SESSIONS = 128,
    MAX_OBJECTS = 64,
    MAX_TEMPLATE = 64,
    MAX_NAME = 64,               /* of a token's file, without its ending */
    MAX_TEXT = 64,               /* id, label, application */
    MAX_VALUE = 512 * 1024,      /* a certificate, or a seal with its picture */
    MAX_FILE = 2048 * 1024,
    USER_TRIES = 3,
    SO_TRIES = 5,
    MIN_PIN = 6,
    MAX_PIN = 16,
    KEY_SIZE = 32,
    NONCE_SIZE = 12,
    TAG_SIZE = 16,
    WRAPPED_SIZE = NONCE_SIZE + KEY_SIZE + TAG_SIZE,
    SALT_SIZE = 16,
    SERIAL_SIZE = 16,
    EPOCH_SIZE = 8,
    POINT_SIZE = 65,
    SIGNATURE_SIZE = 64,
    DIGEST_SIZE = 32,
    MIN_COST = 10,               /* scrypt with N = 2^cost, r = 8, p = 1: 2^cost KiB of memory */
    MAX_COST = 18,
    DEFAULT_COST = 16,
};

/* One PIN: the data key wrapped under it, and how often it may still be wrong. */
struct pin {
    uint8_t set, must_change, tries;
    uint8_t salt[SALT_SIZE], wrapped[WRAPPED_SIZE];
};

struct text { uint8_t size, bytes[MAX_TEXT]; };

struct object {
    uint32_t handle, class;      /* a CKO_ number */
    uint8_t always_authenticate;
    struct text id, label, application;
    uint8_t point[POINT_SIZE];   /* keys only */
    uint32_t size;
    uint8_t *value;              /* keys: WRAPPED_SIZE bytes under the data key, or none */
    EVP_MD_CTX *prepared;        /* private keys, while the user is logged in; never stored */
};

/* What a token's file holds. A blank token (an empty file) is all zeros. */
struct image {
    uint64_t generation;         /* grows with every write */
    uint8_t initialized, cost;
    uint8_t serial[SERIAL_SIZE], label[32];
    uint8_t epoch[EPOCH_SIZE];   /* another one after C_InitToken: sessions of the former token end */
    struct pin user, so;
    uint32_t next_handle, count;
    struct object objects[MAX_OBJECTS];
};

enum login { NOBODY, USER, SO };

struct token {
    bool used;
    char name[MAX_NAME + 1];
    CK_SLOT_ID slot;
    struct image image;
    bool loaded;
    ino_t inode;
    struct timespec changed;
    enum login login;
    uint8_t data_key[KEY_SIZE];  /* while somebody is logged in */
    int lock;                    /* descriptor, or -1 */
};

struct signing {
    bool active, updated, must_authenticate, authenticated;
    CK_MECHANISM_TYPE mechanism;
    EVP_MD_CTX *context;         /* SM2 with SM3 */
    EVP_PKEY *key;               /* raw */
    uint8_t digest[DIGEST_SIZE];
    size_t filled;
};

struct session {
    CK_SESSION_HANDLE handle;    /* 0: free */
    struct token *token;
    bool writable;
    uint8_t epoch[EPOCH_SIZE];
    bool finding;
    CK_ULONG found, given;
    CK_OBJECT_HANDLE matches[MAX_OBJECTS];
    struct signing signing;
};

/* module.c: the lock, and the way into every call */
CK_RV enter(void);               /* takes the lock; without CKR_OK it is not held */
CK_RV leave(CK_RV result);       /* gives it back and hands on the result */
void pad(CK_UTF8CHAR *field, size_t size, const char *text);

/* slot.c */
extern struct token tokens[MAX_TOKENS];
const char *store_folder(void);
struct token *token_in(CK_SLOT_ID slot);
void find_tokens(void);          /* what is new in the folder */
void forget_tokens(void);
void token_removed(struct token *token);

/* store.c: files */
CK_RV store_refresh(struct token *token);   /* reads the file again if it changed */
CK_RV store_begin(struct token *token);     /* lock against other processes, refresh */
CK_RV store_begin_same(struct token *token); /* the same, unless the token was made anew meanwhile */
CK_RV store_commit(struct token *token);    /* write what changed, durably; still locked */
void store_end(struct token *token, bool keep);
bool store_present(const struct token *token);
void image_clear(struct image *image);
struct object *image_find(struct image *image, CK_OBJECT_HANDLE handle);
void object_clear(struct object *object);

/* format.c: bytes of the file */
bool image_parse(struct image *image, const uint8_t *bytes, size_t size);
uint8_t *image_write(const struct image *image, size_t *size);
uint64_t image_generation(const uint8_t *head, size_t size);

/* seal.c: the data key and what is wrapped under it */
bool wrap(const uint8_t key[KEY_SIZE], const uint8_t *bound, size_t bound_size, const uint8_t plain[KEY_SIZE],
          uint8_t wrapped[WRAPPED_SIZE]);
bool unwrap(const uint8_t key[KEY_SIZE], const uint8_t *bound, size_t bound_size,
            const uint8_t wrapped[WRAPPED_SIZE], uint8_t plain[KEY_SIZE]);

/* pin.c */
CK_RV pin_check(struct token *token, enum login who, const CK_UTF8CHAR *pin, CK_ULONG size,
                uint8_t data_key[KEY_SIZE]);
void log_out(struct token *token);

/* session.c */
CK_RV session_enter(CK_SESSION_HANDLE handle, struct session **session); /* enter, find, refresh */
void close_sessions(const struct token *token);                          /* NULL: all */
CK_ULONG count_sessions(const struct token *token, bool writable_only);
void signing_end(struct signing *signing);

/* key.c */
CK_RV key_prepare(struct token *token, struct object *object);
CK_RV key_generate(struct token *token, struct object *public_key, struct object *private_key);
extern const uint8_t SM2_CURVE[10]; /* DER of its OID */

/* object.c */
bool object_visible(const struct token *token, const struct object *object);

#endif
