/* A program that waits to be ended, as a client of 1C or, when Windows starts it, as its service: under the names of programs
   of 1C it stands for them. With a file's name it holds that library meanwhile. */
#include <stdio.h>
#include <windows.h>

static SERVICE_STATUS_HANDLE handle;
static HANDLE stopped;

static void report(DWORD state)
{
    SERVICE_STATUS status = { SERVICE_WIN32_OWN_PROCESS, state, SERVICE_ACCEPT_STOP, 0, 0, 0, 0 };
    SetServiceStatus(handle, &status);
}

static void WINAPI control(DWORD code)
{
    if (code == SERVICE_CONTROL_STOP)
        SetEvent(stopped);
}

static void WINAPI service(DWORD count, LPSTR *arguments)
{
    (void)count;
    handle = RegisterServiceCtrlHandlerA(arguments[0], control);
    report(SERVICE_RUNNING);
    WaitForSingleObject(stopped, INFINITE);
    report(SERVICE_STOPPED);
}

int main(int count, char **arguments)
{
    SERVICE_TABLE_ENTRYA table[] = { { "", service }, { NULL, NULL } };
    stopped = CreateEventA(NULL, TRUE, FALSE, NULL);
    if (StartServiceCtrlDispatcherA(table))
        return 0;
    if (count > 1 && !LoadLibraryA(arguments[1]))
        return 1;
    puts("ready");
    fflush(stdout);
    Sleep(INFINITE);
    return 0;
}
