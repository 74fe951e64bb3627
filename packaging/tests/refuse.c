/* A program that refuses: under the names of programs of Windows it stands for what they cannot do. As upkey-….exe, and with no
   argument, it is a driver's installer that leaves a file behind. */
#include <stdio.h>
#include <string.h>

int main(int count, char **arguments)
{
    char name[512];
    FILE *file;
    if (count > 1 || !strstr(arguments[0], "upkey-"))
        return 5;
    snprintf(name, sizeof name, "%s.was-started", arguments[0]);
    file = fopen(name, "w");
    return !file || fclose(file);
}
