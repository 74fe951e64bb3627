/* press TITLE BUTTON: presses a button (1 Next, 2 Cancel) of the window whose title begins so, as often as it can be pressed,
   until there is no such window any more. Ends with 0 if there was one. */
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static const char *title;

static BOOL CALLBACK look(HWND window, LPARAM found)
{
    char text[256];
    if (GetWindowTextA(window, text, sizeof text) && !strncmp(text, title, strlen(title))) {
        *(HWND *)found = window;
        return FALSE;
    }
    return TRUE;
}

int main(int count, char **arguments)
{
    int seen = 0, left = 1200, button;
    if (count != 3)
        return 2;
    title = arguments[1];
    button = atoi(arguments[2]);
    while (left--) {
        HWND window = NULL, control;
        EnumWindows(look, (LPARAM)&window);
        if (!window && seen)
            return 0;
        if (window) {
            seen = 1;
            control = GetDlgItem(window, button);
            if (control && IsWindowEnabled(control))
                PostMessageA(window, WM_COMMAND, button, (LPARAM)control);
        }
        Sleep(100);
    }
    return 1;
}
