/* PKCS#11 2.40 (OASIS), as much of it as the virtual UKey and its callers need, in our own words.
 *
 * The layout is that of the standard on Unix: natural alignment, CK_ULONG is an unsigned long. Functions that
 * this module does not support keep their place in the function list with the type CK_UNSUPPORTED. */
#ifndef LUOCHUI_CRYPTOKI_H
#define LUOCHUI_CRYPTOKI_H

typedef unsigned char CK_BYTE, CK_BBOOL, CK_UTF8CHAR;
typedef unsigned long CK_ULONG, CK_RV, CK_FLAGS, CK_SLOT_ID, CK_SESSION_HANDLE, CK_OBJECT_HANDLE;
typedef CK_ULONG CK_MECHANISM_TYPE, CK_ATTRIBUTE_TYPE, CK_OBJECT_CLASS, CK_KEY_TYPE, CK_USER_TYPE, CK_STATE;
typedef CK_ULONG CK_NOTIFICATION;

#define CK_TRUE 1
#define CK_FALSE 0
#define CK_UNAVAILABLE_INFORMATION (~0UL)
#define CK_INVALID_HANDLE 0UL

typedef struct { CK_BYTE major, minor; } CK_VERSION;

typedef struct {
    CK_VERSION cryptokiVersion;
    CK_UTF8CHAR manufacturerID[32];
    CK_FLAGS flags;
    CK_UTF8CHAR libraryDescription[32];
    CK_VERSION libraryVersion;
} CK_INFO;

typedef struct {
    CK_UTF8CHAR slotDescription[64];
    CK_UTF8CHAR manufacturerID[32];
    CK_FLAGS flags;
    CK_VERSION hardwareVersion, firmwareVersion;
} CK_SLOT_INFO;

typedef struct {
    CK_UTF8CHAR label[32], manufacturerID[32], model[16], serialNumber[16];
    CK_FLAGS flags;
    CK_ULONG ulMaxSessionCount, ulSessionCount, ulMaxRwSessionCount, ulRwSessionCount;
    CK_ULONG ulMaxPinLen, ulMinPinLen;
    CK_ULONG ulTotalPublicMemory, ulFreePublicMemory, ulTotalPrivateMemory, ulFreePrivateMemory;
    CK_VERSION hardwareVersion, firmwareVersion;
    CK_UTF8CHAR utcTime[16];
} CK_TOKEN_INFO;

typedef struct {
    CK_SLOT_ID slotID;
    CK_STATE state;
    CK_FLAGS flags;
    CK_ULONG ulDeviceError;
} CK_SESSION_INFO;

typedef struct { CK_ATTRIBUTE_TYPE type; void *pValue; CK_ULONG ulValueLen; } CK_ATTRIBUTE;
typedef struct { CK_MECHANISM_TYPE mechanism; void *pParameter; CK_ULONG ulParameterLen; } CK_MECHANISM;
typedef struct { CK_ULONG ulMinKeySize, ulMaxKeySize; CK_FLAGS flags; } CK_MECHANISM_INFO;

typedef CK_RV (*CK_NOTIFY)(CK_SESSION_HANDLE, CK_NOTIFICATION, void *);

typedef struct {
    CK_RV (*CreateMutex)(void **);
    CK_RV (*DestroyMutex)(void *);
    CK_RV (*LockMutex)(void *);
    CK_RV (*UnlockMutex)(void *);
    CK_FLAGS flags;
    void *pReserved;
} CK_C_INITIALIZE_ARGS;

/* Return values */
#define CKR_OK 0x000UL
#define CKR_HOST_MEMORY 0x002UL
#define CKR_SLOT_ID_INVALID 0x003UL
#define CKR_GENERAL_ERROR 0x005UL
#define CKR_FUNCTION_FAILED 0x006UL
#define CKR_ARGUMENTS_BAD 0x007UL
#define CKR_NO_EVENT 0x008UL
#define CKR_CANT_LOCK 0x00AUL
#define CKR_ATTRIBUTE_READ_ONLY 0x010UL
#define CKR_ATTRIBUTE_SENSITIVE 0x011UL
#define CKR_ATTRIBUTE_TYPE_INVALID 0x012UL
#define CKR_ATTRIBUTE_VALUE_INVALID 0x013UL
#define CKR_DATA_LEN_RANGE 0x021UL
#define CKR_DEVICE_ERROR 0x030UL
#define CKR_DEVICE_MEMORY 0x031UL
#define CKR_DEVICE_REMOVED 0x032UL
#define CKR_FUNCTION_NOT_SUPPORTED 0x054UL
#define CKR_KEY_HANDLE_INVALID 0x060UL
#define CKR_KEY_FUNCTION_NOT_PERMITTED 0x068UL
#define CKR_MECHANISM_INVALID 0x070UL
#define CKR_MECHANISM_PARAM_INVALID 0x071UL
#define CKR_OBJECT_HANDLE_INVALID 0x082UL
#define CKR_OPERATION_ACTIVE 0x090UL
#define CKR_OPERATION_NOT_INITIALIZED 0x091UL
#define CKR_PIN_INCORRECT 0x0A0UL
#define CKR_PIN_INVALID 0x0A1UL
#define CKR_PIN_LEN_RANGE 0x0A2UL
#define CKR_PIN_EXPIRED 0x0A3UL
#define CKR_PIN_LOCKED 0x0A4UL
#define CKR_SESSION_COUNT 0x0B1UL
#define CKR_SESSION_HANDLE_INVALID 0x0B3UL
#define CKR_SESSION_PARALLEL_NOT_SUPPORTED 0x0B4UL
#define CKR_SESSION_READ_ONLY 0x0B5UL
#define CKR_SESSION_EXISTS 0x0B6UL
#define CKR_SESSION_READ_ONLY_EXISTS 0x0B7UL
#define CKR_SESSION_READ_WRITE_SO_EXISTS 0x0B8UL
#define CKR_TEMPLATE_INCOMPLETE 0x0D0UL
#define CKR_TEMPLATE_INCONSISTENT 0x0D1UL
#define CKR_TOKEN_NOT_PRESENT 0x0E0UL
#define CKR_TOKEN_NOT_RECOGNIZED 0x0E1UL
#define CKR_USER_ALREADY_LOGGED_IN 0x100UL
#define CKR_USER_NOT_LOGGED_IN 0x101UL
#define CKR_USER_PIN_NOT_INITIALIZED 0x102UL
#define CKR_USER_TYPE_INVALID 0x103UL
#define CKR_USER_ANOTHER_ALREADY_LOGGED_IN 0x104UL
#define CKR_BUFFER_TOO_SMALL 0x150UL
#define CKR_CRYPTOKI_NOT_INITIALIZED 0x190UL
#define CKR_CRYPTOKI_ALREADY_INITIALIZED 0x191UL

/* Flags */
#define CKF_OS_LOCKING_OK 0x2UL
#define CKF_DONT_BLOCK 0x1UL
#define CKF_TOKEN_PRESENT 0x1UL
#define CKF_REMOVABLE_DEVICE 0x2UL
#define CKF_RNG 0x1UL
#define CKF_LOGIN_REQUIRED 0x4UL
#define CKF_USER_PIN_INITIALIZED 0x8UL
#define CKF_TOKEN_INITIALIZED 0x400UL
#define CKF_USER_PIN_COUNT_LOW 0x10000UL
#define CKF_USER_PIN_FINAL_TRY 0x20000UL
#define CKF_USER_PIN_LOCKED 0x40000UL
#define CKF_USER_PIN_TO_BE_CHANGED 0x80000UL
#define CKF_SO_PIN_COUNT_LOW 0x100000UL
#define CKF_SO_PIN_FINAL_TRY 0x200000UL
#define CKF_SO_PIN_LOCKED 0x400000UL
#define CKF_RW_SESSION 0x2UL
#define CKF_SERIAL_SESSION 0x4UL
#define CKF_SIGN 0x800UL
#define CKF_GENERATE_KEY_PAIR 0x10000UL

/* Users and states */
#define CKU_SO 0UL
#define CKU_USER 1UL
#define CKU_CONTEXT_SPECIFIC 2UL
#define CKS_RO_PUBLIC_SESSION 0UL
#define CKS_RO_USER_FUNCTIONS 1UL
#define CKS_RW_PUBLIC_SESSION 2UL
#define CKS_RW_USER_FUNCTIONS 3UL
#define CKS_RW_SO_FUNCTIONS 4UL

/* Objects */
#define CKO_DATA 0UL
#define CKO_CERTIFICATE 1UL
#define CKO_PUBLIC_KEY 2UL
#define CKO_PRIVATE_KEY 3UL
#define CKC_X_509 0UL
#define CKA_CLASS 0x000UL
#define CKA_TOKEN 0x001UL
#define CKA_PRIVATE 0x002UL
#define CKA_LABEL 0x003UL
#define CKA_APPLICATION 0x010UL
#define CKA_VALUE 0x011UL
#define CKA_CERTIFICATE_TYPE 0x080UL
#define CKA_ISSUER 0x081UL
#define CKA_SERIAL_NUMBER 0x082UL
#define CKA_TRUSTED 0x086UL
#define CKA_CERTIFICATE_CATEGORY 0x087UL
#define CKA_KEY_TYPE 0x100UL
#define CKA_SUBJECT 0x101UL
#define CKA_ID 0x102UL
#define CKA_SENSITIVE 0x103UL
#define CKA_ENCRYPT 0x104UL
#define CKA_DECRYPT 0x105UL
#define CKA_WRAP 0x106UL
#define CKA_UNWRAP 0x107UL
#define CKA_SIGN 0x108UL
#define CKA_SIGN_RECOVER 0x109UL
#define CKA_VERIFY 0x10AUL
#define CKA_VERIFY_RECOVER 0x10BUL
#define CKA_DERIVE 0x10CUL
#define CKA_EXTRACTABLE 0x162UL
#define CKA_LOCAL 0x163UL
#define CKA_NEVER_EXTRACTABLE 0x164UL
#define CKA_ALWAYS_SENSITIVE 0x165UL
#define CKA_KEY_GEN_MECHANISM 0x166UL
#define CKA_MODIFIABLE 0x170UL
#define CKA_EC_PARAMS 0x180UL
#define CKA_EC_POINT 0x181UL
#define CKA_ALWAYS_AUTHENTICATE 0x202UL

/* Vendor numbers, the same as Sansec's (docs/vukey.md) */
#define CKK_VENDOR_SM2 0x80000004UL
#define CKM_VENDOR_SM2_KEY_PAIR_GEN 0x80008001UL
#define CKM_VENDOR_SM2_SM3 0x80008100UL
#define CKM_VENDOR_SM2_RAW 0x80008104UL

typedef CK_RV (*CK_UNSUPPORTED)(void);
typedef struct CK_FUNCTION_LIST CK_FUNCTION_LIST;

/* What this module supports: name, parameters. */
#define CK_SUPPORTED(F)                                                                                        \
    F(Initialize, (void *args))                                                                                \
    F(Finalize, (void *reserved))                                                                              \
    F(GetInfo, (CK_INFO *info))                                                                                \
    F(GetFunctionList, (CK_FUNCTION_LIST **list))                                                              \
    F(GetSlotList, (CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count))                                      \
    F(GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO *info))                                                      \
    F(GetTokenInfo, (CK_SLOT_ID slot, CK_TOKEN_INFO *info))                                                    \
    F(GetMechanismList, (CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count))                           \
    F(GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info))                    \
    F(InitToken, (CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG size, CK_UTF8CHAR *label))                       \
    F(InitPIN, (CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG size))                                   \
    F(SetPIN, (CK_SESSION_HANDLE session, CK_UTF8CHAR *old, CK_ULONG old_size, CK_UTF8CHAR *fresh,             \
               CK_ULONG fresh_size))                                                                           \
    F(OpenSession, (CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,                      \
                    CK_SESSION_HANDLE *session))                                                               \
    F(CloseSession, (CK_SESSION_HANDLE session))                                                               \
    F(CloseAllSessions, (CK_SLOT_ID slot))                                                                     \
    F(GetSessionInfo, (CK_SESSION_HANDLE session, CK_SESSION_INFO *info))                                      \
    F(Login, (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG size))                  \
    F(Logout, (CK_SESSION_HANDLE session))                                                                     \
    F(CreateObject, (CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count,                        \
                     CK_OBJECT_HANDLE *object))                                                                \
    F(DestroyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object))                                     \
    F(GetAttributeValue, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,          \
                          CK_ULONG count))                                                                     \
    F(SetAttributeValue, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,          \
                          CK_ULONG count))                                                                     \
    F(FindObjectsInit, (CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count))                    \
    F(FindObjects, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *list, CK_ULONG room, CK_ULONG *count))        \
    F(FindObjectsFinal, (CK_SESSION_HANDLE session))                                                           \
    F(SignInit, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key))                    \
    F(Sign, (CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG *length))   \
    F(SignUpdate, (CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG size))                                   \
    F(SignFinal, (CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG *length))                            \
    F(GenerateKeyPair, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template,     \
                        CK_ULONG public_count, CK_ATTRIBUTE *private_template, CK_ULONG private_count,         \
                        CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key))                          \
    F(GenerateRandom, (CK_SESSION_HANDLE session, CK_BYTE *random, CK_ULONG size))

#define CK_TYPEDEF(name, parameters) typedef CK_RV (*CK_C_##name) parameters;
CK_SUPPORTED(CK_TYPEDEF)
#undef CK_TYPEDEF

/* Every function of 2.40 in the order of the standard: Y is supported, N is not. */
#define CK_ORDER(Y, N)                                                                                         \
    Y(Initialize) Y(Finalize) Y(GetInfo) Y(GetFunctionList) Y(GetSlotList) Y(GetSlotInfo) Y(GetTokenInfo)      \
    Y(GetMechanismList) Y(GetMechanismInfo) Y(InitToken) Y(InitPIN) Y(SetPIN) Y(OpenSession) Y(CloseSession)   \
    Y(CloseAllSessions) Y(GetSessionInfo) N(GetOperationState) N(SetOperationState) Y(Login) Y(Logout)         \
    Y(CreateObject) N(CopyObject) Y(DestroyObject) N(GetObjectSize) Y(GetAttributeValue) Y(SetAttributeValue)  \
    Y(FindObjectsInit) Y(FindObjects) Y(FindObjectsFinal) N(EncryptInit) N(Encrypt) N(EncryptUpdate)           \
    N(EncryptFinal) N(DecryptInit) N(Decrypt) N(DecryptUpdate) N(DecryptFinal) N(DigestInit) N(Digest)         \
    N(DigestUpdate) N(DigestKey) N(DigestFinal) Y(SignInit) Y(Sign) Y(SignUpdate) Y(SignFinal)                 \
    N(SignRecoverInit) N(SignRecover) N(VerifyInit) N(Verify) N(VerifyUpdate) N(VerifyFinal)                   \
    N(VerifyRecoverInit) N(VerifyRecover) N(DigestEncryptUpdate) N(DecryptDigestUpdate) N(SignEncryptUpdate)   \
    N(DecryptVerifyUpdate) N(GenerateKey) Y(GenerateKeyPair) N(WrapKey) N(UnwrapKey) N(DeriveKey)              \
    N(SeedRandom) Y(GenerateRandom) N(GetFunctionStatus) N(CancelFunction) N(WaitForSlotEvent)

#define CK_MEMBER(name) CK_C_##name C_##name;
#define CK_ABSENT(name) CK_UNSUPPORTED C_##name;
struct CK_FUNCTION_LIST {
    CK_VERSION version;
    CK_ORDER(CK_MEMBER, CK_ABSENT)
};
#undef CK_MEMBER
#undef CK_ABSENT

#define CK_DECLARE(name, parameters) __attribute__((visibility("default"))) CK_RV C_##name parameters;
CK_SUPPORTED(CK_DECLARE)
#undef CK_DECLARE

#endif
