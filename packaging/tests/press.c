/* press TITLE BUTTON…: presses these buttons (1 Next, 2 Cancel, 6 Yes, 7 No) of the window on top whose title has that in it, as
   often as they can be pressed, until there is no such window any more. Ends with 0 if there was one. */
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static const char *title;

static BOOL CALLBACK look(HWND window, LPARAM found)
{
    char text[256];
    if (GetWindowTextA(window, text, sizeof text) && strstr(text, title)) {
        *(HWND *)found = window;
        return FALSE;
    }
    return TRUE;
}

int main(int count, char **arguments)
{
    int seen = 0, left = 1200, each;
    if (count < 3)
        return 2;
    title = arguments[1];
    while (left--) {
        HWND window = NULL, control;
        EnumWindows(look, (LPARAM)&window);
        if (!window && seen)
            return 0;
        if (window) {
            seen = 1;
            for (each = 2; each < count; each++) {
                control = GetDlgItem(window, atoi(arguments[each]));
                if (control && IsWindowEnabled(control))
                    PostMessageA(window, WM_COMMAND, atoi(arguments[each]), (LPARAM)control);
            }
        }
        Sleep(100);
    }
    return 1;
}
