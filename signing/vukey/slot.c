/* Slots: one for each token file in the folder that LUOCHUI_VUKEY_DIR names.
 *
 * A slot's number comes from the file's name, so it is the same in every process and after every replugging. */
#include <dirent.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vukey.h"

struct token tokens[MAX_TOKENS];

static const CK_MECHANISM_TYPE MECHANISMS[] = {CKM_VENDOR_SM2_KEY_PAIR_GEN, CKM_VENDOR_SM2_SM3,
                                               CKM_VENDOR_SM2_RAW};
enum { MECHANISM_COUNT = sizeof MECHANISMS / sizeof *MECHANISMS };

const char *store_folder(void)
{
    const char *folder = getenv("LUOCHUI_VUKEY_DIR");
    return folder && *folder ? folder : "/nonexistent"; /* no folder: no slots */
}

static CK_SLOT_ID number_of(const char *name)
{
    uint8_t digest[DIGEST_SIZE] = {0};
    unsigned size;
    EVP_Digest(name, strlen(name), digest, &size, EVP_sha256(), NULL);
    return (CK_SLOT_ID)(digest[0] & 0x7f) << 24 | (CK_SLOT_ID)digest[1] << 16 | (CK_SLOT_ID)digest[2] << 8 |
           digest[3];
}

struct token *token_in(CK_SLOT_ID slot)
{
    for (size_t i = 0; i < MAX_TOKENS; i++)
        if (tokens[i].used && tokens[i].slot == slot)
            return &tokens[i];
    return NULL;
}

/* The token is gone: nothing of it stays in memory. Its slot stays. */
void token_removed(struct token *token)
{
    close_sessions(token);
    log_out(token);
    image_clear(&token->image);
    token->loaded = false;
}

void forget_tokens(void)
{
    for (size_t i = 0; i < MAX_TOKENS; i++)
        if (tokens[i].used) {
            token_removed(&tokens[i]);
            store_end(&tokens[i], false);
            tokens[i].used = false;
        }
}

static struct token *free_slot(void)
{
    for (size_t i = 0; i < MAX_TOKENS; i++)
        if (!tokens[i].used)
            return &tokens[i];
    for (size_t i = 0; i < MAX_TOKENS; i++)
        if (!store_present(&tokens[i])) {
            token_removed(&tokens[i]);
            return &tokens[i];
        }
    return NULL; /* what is beyond MAX_TOKENS is not seen */
}

static void add(const char *file)
{
    const char *ending = strrchr(file, '.');
    size_t size = ending ? (size_t)(ending - file) : 0;
    if (size == 0 || size > MAX_NAME || *file == '.' || strcmp(ending, ".ukey") != 0)
        return;
    char name[MAX_NAME + 1] = {0};
    memcpy(name, file, size);
    CK_SLOT_ID slot = number_of(name);
    struct token *token = token_in(slot) ? NULL : free_slot();
    if (!token)
        return;
    memset(token, 0, sizeof *token);
    token->used = true;
    token->slot = slot;
    token->lock = -1;
    memcpy(token->name, name, sizeof name);
}

void find_tokens(void)
{
    DIR *folder = opendir(store_folder());
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));)
        add(entry->d_name);
    closedir(folder);
}

CK_RV C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
    CK_RV result = enter();
    if (result != CKR_OK)
        return result;
    if (!count)
        return leave(CKR_ARGUMENTS_BAD);
    if (!list)
        find_tokens(); /* the standard: news are told to who asks for the number */
    CK_ULONG room = list ? *count : 0, found = 0;
    for (size_t i = 0; i < MAX_TOKENS; i++) {
        if (!tokens[i].used || (present && !store_present(&tokens[i])))
            continue;
        if (found < room)
            list[found] = tokens[i].slot;
        found++;
    }
    *count = found;
    return leave(list && found > room ? CKR_BUFFER_TOO_SMALL : CKR_OK);
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    CK_RV result = enter();
    if (result != CKR_OK)
        return result;
    const struct token *token = token_in(slot);
    if (!token || !info)
        return leave(info ? CKR_SLOT_ID_INVALID : CKR_ARGUMENTS_BAD);
    memset(info, 0, sizeof *info);
    pad(info->slotDescription, sizeof info->slotDescription, token->name);
    pad(info->manufacturerID, sizeof info->manufacturerID, "Luochui");
    info->flags = CKF_REMOVABLE_DEVICE | (store_present(token) ? CKF_TOKEN_PRESENT : 0);
    return leave(CKR_OK);
}

/* Enter, find the token of a slot, read what is new about it. */
static CK_RV slot_enter(CK_SLOT_ID slot, struct token **token)
{
    CK_RV result = enter();
    if (result != CKR_OK)
        return result;
    *token = token_in(slot);
    if (!*token)
        return leave(CKR_SLOT_ID_INVALID);
    result = store_refresh(*token);
    if (result == CKR_TOKEN_NOT_PRESENT)
        token_removed(*token);
    return result == CKR_OK ? CKR_OK : leave(result);
}

static CK_FLAGS pin_flags(const struct pin *pin, unsigned tries, CK_FLAGS low, CK_FLAGS final, CK_FLAGS locked)
{
    if (!pin->set || pin->tries == tries)
        return 0;
    return pin->tries == 0 ? low | locked : pin->tries == 1 ? low | final : low;
}

static CK_FLAGS token_flags(const struct image *image)
{
    CK_FLAGS flags = CKF_RNG | CKF_LOGIN_REQUIRED;
    if (image->initialized)
        flags |= CKF_TOKEN_INITIALIZED;
    if (image->user.set)
        flags |= CKF_USER_PIN_INITIALIZED;
    if (image->user.must_change)
        flags |= CKF_USER_PIN_TO_BE_CHANGED;
    return flags |
           pin_flags(&image->user, USER_TRIES, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY,
                     CKF_USER_PIN_LOCKED) |
           pin_flags(&image->so, SO_TRIES, CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED);
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    struct token *token;
    CK_RV result = slot_enter(slot, &token);
    if (result != CKR_OK)
        return result;
    if (!info)
        return leave(CKR_ARGUMENTS_BAD);
    memset(info, 0, sizeof *info);
    pad(info->label, sizeof info->label, "");
    pad(info->serialNumber, sizeof info->serialNumber, "");
    if (token->image.initialized) {
        memcpy(info->label, token->image.label, sizeof info->label);
        memcpy(info->serialNumber, token->image.serial, sizeof info->serialNumber);
    }
    pad(info->manufacturerID, sizeof info->manufacturerID, "Luochui");
    pad(info->model, sizeof info->model, "Virtual UKey");
    pad(info->utcTime, sizeof info->utcTime, "");
    info->flags = token_flags(&token->image);
    info->ulMaxSessionCount = info->ulMaxRwSessionCount = MAX_SESSIONS;
    info->ulSessionCount = count_sessions(token, false);
    info->ulRwSessionCount = count_sessions(token, true);
    info->ulMinPinLen = MIN_PIN;
    info->ulMaxPinLen = MAX_PIN;
    info->ulTotalPublicMemory = info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
    info->ulTotalPrivateMemory = info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
    return leave(CKR_OK);
}

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    struct token *token;
    CK_RV result = slot_enter(slot, &token);
    if (result != CKR_OK)
        return result;
    if (!count)
        return leave(CKR_ARGUMENTS_BAD);
    CK_ULONG room = *count;
    *count = MECHANISM_COUNT;
    if (list && room < MECHANISM_COUNT)
        return leave(CKR_BUFFER_TOO_SMALL);
    if (list)
        memcpy(list, MECHANISMS, sizeof MECHANISMS);
    return leave(CKR_OK);
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    struct token *token;
    CK_RV result = slot_enter(slot, &token);
    if (result != CKR_OK)
        return result;
    if (!info)
        return leave(CKR_ARGUMENTS_BAD);
    if (type != CKM_VENDOR_SM2_KEY_PAIR_GEN && type != CKM_VENDOR_SM2_SM3 && type != CKM_VENDOR_SM2_RAW)
        return leave(CKR_MECHANISM_INVALID);
    info->ulMinKeySize = info->ulMaxKeySize = 256;
    info->flags = type == CKM_VENDOR_SM2_KEY_PAIR_GEN ? CKF_GENERATE_KEY_PAIR : CKF_SIGN;
    return leave(CKR_OK);
}
