/* volatile KEY: makes a key of the 64-bit HKLM anew, without what was in it, for as long as Windows runs. Then no lasting key can be made
   in it: a registry that cannot be written. */
#include <windows.h>

int main(int count, char **arguments)
{
    HKEY key;
    if (count != 2)
        return 2;
    RegDeleteTreeA(HKEY_LOCAL_MACHINE, arguments[1]);
    RegDeleteKeyExA(HKEY_LOCAL_MACHINE, arguments[1], KEY_WOW64_64KEY, 0);
    return RegCreateKeyExA(HKEY_LOCAL_MACHINE, arguments[1], 0, NULL, REG_OPTION_VOLATILE, KEY_ALL_ACCESS | KEY_WOW64_64KEY, NULL,
                           &key, NULL) != 0;
}
