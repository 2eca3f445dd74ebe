/* Sessions. The login belongs to the token and is shared by all sessions of the process, as the standard says. */
#include <openssl/crypto.h>
#include <string.h>

#include "vukey.h"

static struct session sessions[MAX_SESSIONS];
static CK_SESSION_HANDLE last_handle;

void signing_end(struct signing *signing)
{
    EVP_MD_CTX_free(signing->context);
    EVP_PKEY_free(signing->key);
    OPENSSL_cleanse(signing, sizeof *signing);
}

static void end(struct session *session)
{
    signing_end(&session->signing);
    memset(session, 0, sizeof *session);
}

void close_sessions(const struct token *token)
{
    for (size_t i = 0; i < MAX_SESSIONS; i++)
        if (sessions[i].handle && (!token || sessions[i].token == token))
            end(&sessions[i]);
}

CK_ULONG count_sessions(const struct token *token, bool writable_only)
{
    CK_ULONG count = 0;
    for (size_t i = 0; i < MAX_SESSIONS; i++)
        count += sessions[i].handle && sessions[i].token == token && (sessions[i].writable || !writable_only);
    return count;
}

/* Unfinished work of the one who leaves: lists of private objects, signatures. */
void log_out(struct token *token)
{
    for (size_t i = 0; i < MAX_SESSIONS; i++)
        if (sessions[i].handle && sessions[i].token == token) {
            signing_end(&sessions[i].signing);
            sessions[i].finding = false;
        }
    for (uint32_t i = 0; i < token->image.count; i++) {
        EVP_MD_CTX_free(token->image.objects[i].prepared);
        token->image.objects[i].prepared = NULL;
    }
    OPENSSL_cleanse(token->data_key, KEY_SIZE);
    token->login = NOBODY;
}

static struct session *session_of(CK_SESSION_HANDLE handle)
{
    for (size_t i = 0; handle && i < MAX_SESSIONS; i++)
        if (sessions[i].handle == handle)
            return &sessions[i];
    return NULL;
}

CK_RV session_enter(CK_SESSION_HANDLE handle, struct session **session)
{
    CK_RV result = enter();
    if (result != CKR_OK)
        return result;
    *session = session_of(handle);
    if (!*session)
        return leave(CKR_SESSION_HANDLE_INVALID);
    struct token *token = (*session)->token;
    result = store_refresh(token);
    if (result == CKR_OK && memcmp((*session)->epoch, token->image.epoch, EPOCH_SIZE) == 0)
        return CKR_OK;
    if (result == CKR_OK || result == CKR_TOKEN_NOT_PRESENT || result == CKR_TOKEN_NOT_RECOGNIZED) {
        token_removed(token); /* pulled out, or made anew by another program */
        result = CKR_DEVICE_REMOVED;
    }
    return leave(result);
}

CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                    CK_SESSION_HANDLE *handle)
{
    (void)application, (void)notify; /* nothing to call back about */
    CK_RV result = enter();
    if (result != CKR_OK)
        return result;
    struct token *token = token_in(slot);
    if (!handle)
        return leave(CKR_ARGUMENTS_BAD);
    if (!token)
        return leave(CKR_SLOT_ID_INVALID);
    if (!(flags & CKF_SERIAL_SESSION))
        return leave(CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    result = store_refresh(token);
    if (result == CKR_TOKEN_NOT_PRESENT)
        token_removed(token);
    if (result != CKR_OK)
        return leave(result);
    if (!token->image.initialized)
        return leave(CKR_TOKEN_NOT_RECOGNIZED);
    if (token->login == SO && !(flags & CKF_RW_SESSION))
        return leave(CKR_SESSION_READ_WRITE_SO_EXISTS);
    for (size_t i = 0; i < MAX_SESSIONS; i++)
        if (!sessions[i].handle) {
            sessions[i].handle = *handle = ++last_handle;
            sessions[i].token = token;
            sessions[i].writable = flags & CKF_RW_SESSION;
            memcpy(sessions[i].epoch, token->image.epoch, EPOCH_SIZE);
            return leave(CKR_OK);
        }
    return leave(CKR_SESSION_COUNT);
}

CK_RV C_CloseSession(CK_SESSION_HANDLE handle)
{
    CK_RV result = enter();
    if (result != CKR_OK)
        return result;
    struct session *session = session_of(handle);
    if (!session)
        return leave(CKR_SESSION_HANDLE_INVALID);
    struct token *token = session->token;
    end(session);
    if (count_sessions(token, false) == 0)
        log_out(token);
    return leave(CKR_OK);
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
    CK_RV result = enter();
    if (result != CKR_OK)
        return result;
    struct token *token = token_in(slot);
    if (!token)
        return leave(CKR_SLOT_ID_INVALID);
    close_sessions(token);
    log_out(token);
    return leave(CKR_OK);
}

static CK_STATE state_of(const struct session *session)
{
    switch (session->token->login) {
    case SO:
        return CKS_RW_SO_FUNCTIONS;
    case USER:
        return session->writable ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
    case NOBODY:
        break;
    }
    return session->writable ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
    struct session *session;
    CK_RV result = session_enter(handle, &session);
    if (result != CKR_OK)
        return result;
    if (!info)
        return leave(CKR_ARGUMENTS_BAD);
    info->slotID = session->token->slot;
    info->state = state_of(session);
    info->flags = CKF_SERIAL_SESSION | (session->writable ? CKF_RW_SESSION : 0);
    info->ulDeviceError = 0;
    return leave(CKR_OK);
}
