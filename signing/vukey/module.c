/* The module as a whole: its function list, its life, and its one lock.
 *
 * One mutex guards everything; only the arithmetic of a signature runs outside it. It is held across a PIN's slow
 * derivation, which is what keeps two guesses from sharing one try. */
#include <pthread.h>
#include <string.h>

#include "vukey.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool initialized;

CK_RV enter(void)
{
    pthread_mutex_lock(&lock);
    return initialized ? CKR_OK : leave(CKR_CRYPTOKI_NOT_INITIALIZED);
}

CK_RV leave(CK_RV result)
{
    pthread_mutex_unlock(&lock);
    return result;
}

void pad(CK_UTF8CHAR *field, size_t size, const char *text)
{
    size_t length = strlen(text);
    memset(field, ' ', size);
    memcpy(field, text, length < size ? length : size);
}

static void forget(void)
{
    close_sessions(NULL);
    forget_tokens();
    initialized = false;
}

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void in_parent(void) { pthread_mutex_unlock(&lock); }

/* The standard: a child starts over with C_Initialize. It must not go on with its parent's login. */
static void in_child(void)
{
    forget();
    pthread_mutex_unlock(&lock);
}

static void once_only(void) { pthread_atfork(before_fork, in_parent, in_child); }

/* The module locks with the system's mutexes, always: who insists on others is told so. */
static CK_RV check_arguments(const CK_C_INITIALIZE_ARGS *args)
{
    if (!args)
        return CKR_OK;
    int given = !!args->CreateMutex + !!args->DestroyMutex + !!args->LockMutex + !!args->UnlockMutex;
    if (args->pReserved || (given != 0 && given != 4))
        return CKR_ARGUMENTS_BAD;
    return given == 4 && !(args->flags & CKF_OS_LOCKING_OK) ? CKR_CANT_LOCK : CKR_OK;
}

CK_RV C_Initialize(void *args)
{
    CK_RV result = check_arguments(args);
    if (result != CKR_OK)
        return result;
    pthread_once(&once, once_only);
    pthread_mutex_lock(&lock);
    if (initialized)
        return leave(CKR_CRYPTOKI_ALREADY_INITIALIZED);
    initialized = true;
    find_tokens(); /* for who remembers a slot and never asks for the list */
    return leave(CKR_OK);
}

CK_RV C_Finalize(void *reserved)
{
    if (reserved)
        return CKR_ARGUMENTS_BAD;
    CK_RV result = enter();
    if (result != CKR_OK)
        return result;
    forget();
    return leave(CKR_OK);
}

CK_RV C_GetInfo(CK_INFO *info)
{
    CK_RV result = enter();
    if (result != CKR_OK)
        return result;
    if (!info)
        return leave(CKR_ARGUMENTS_BAD);
    memset(info, 0, sizeof *info);
    info->cryptokiVersion = (CK_VERSION){2, 40};
    info->libraryVersion = (CK_VERSION){1, 0};
    pad(info->manufacturerID, sizeof info->manufacturerID, "Luochui");
    pad(info->libraryDescription, sizeof info->libraryDescription, "Luochui virtual UKey");
    return leave(CKR_OK);
}

static CK_RV not_supported(void) { return CKR_FUNCTION_NOT_SUPPORTED; }

#define SUPPORTED(name) .C_##name = C_##name,
#define ABSENT(name) .C_##name = not_supported,
static CK_FUNCTION_LIST functions = {.version = {2, 40}, CK_ORDER(SUPPORTED, ABSENT)};

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    if (!list)
        return CKR_ARGUMENTS_BAD;
    *list = &functions;
    return CKR_OK;
}
