; What the installers say, in the system's language.

!macro Text NAME ENGLISH RUSSIAN
    LangString ${NAME} ${LANG_ENGLISH} `${ENGLISH}`
    LangString ${NAME} ${LANG_RUSSIAN} `${RUSSIAN}`
!macroend

!insertmacro Text UnknownSwitch \
    "There is no such switch. There are /Silent, /VerySilent, /SuppressMsgBoxes and /CloseRunning. Unknown:" \
    "Такого параметра нет. Есть /Silent, /VerySilent, /SuppressMsgBoxes и /CloseRunning. Неизвестно:"
!insertmacro Text NeedsAdministrator \
    "An administrator's rights are needed. Run this as an administrator." \
    "Нужны права администратора. Запустите программу от имени администратора."
!insertmacro Text NeedsWindows10 \
    "Windows 10, Windows Server 2016 or newer is needed." \
    "Нужна Windows 10, Windows Server 2016 или новее."
!insertmacro Text AnotherSetup \
    "Another setup of this kind is running. Wait until it ends, then try again." \
    "Уже работает другая такая установка. Дождитесь её окончания и повторите."
!insertmacro Text AnotherMaker \
    "Another maker's ${PACKAGE} is on this computer, and nothing has been changed. The two cannot share a computer. If you want this one, write down the activation codes of the keys of that program, remove it with its maker's tools, then run this again. Its keys and settings stay where they are, and are not read here." \
    "На этом компьютере есть ${PACKAGE} другого производителя, ничего не изменено. На одном компьютере эти программы работать не могут. Чтобы поставить этот пакет, выпишите коды активации ключей той программы, удалите её средствами её производителя и повторите установку. Её ключи и настройки останутся на месте и читаться не будут."
!insertmacro Text OtherSettings \
    "This file is here, and no server of ours made it; nothing has been changed. Move it away, or, if you wrote it for this server, make its first line: ; open-licence" \
    "Найден файл, созданный не этим сервером; ничего не изменено. Уберите его или, если вы подготовили его для этого сервера, начните его строкой: ; open-licence"
!insertmacro Text SameOrNewer \
    "The same or a newer version is installed already:" \
    "Такая же или более новая версия уже установлена:"
!insertmacro Text CannotWrite \
    "A file cannot be written. See that nothing holds it and that the disk has room, then try again:" \
    "Не удаётся записать файл. Проверьте, что его никто не держит и на диске есть место, и повторите:"
!insertmacro Text CannotRegister \
    "The registry of Windows cannot be written. See what guards it (an antivirus, a policy), then try again." \
    "Не удаётся записать в реестр Windows. Посмотрите, что его защищает (антивирус, политика), и повторите."
!insertmacro Text CannotStopService \
    "The server does not stop. Look at the service licenceserver and at the server's log, then try again:" \
    "Сервер не останавливается. Посмотрите на службу licenceserver и лог сервера и повторите:"
!insertmacro Text CannotStartService \
    "The server is installed but does not start. Its log is in %ProgramData%\1C\licence\3.0\logs:" \
    "Сервер установлен, но не запускается. Его лог – в %ProgramData%\1C\licence\3.0\logs:"
!insertmacro Text CannotGiveRights \
    "The folder cannot be given its rights:" \
    "Не удаётся назначить права на папку:"
!insertmacro Text OfferDriver \
    "The driver of protection keys lies beside this installer. Disconnect the keys from USB, then install it?" \
    "Рядом с установкой лежит драйвер ключей защиты. Отключите ключи от USB. Установить его?"
!insertmacro Text ConsoleFolder "Licences for 1C" "СЛК"
!insertmacro Text ConsoleLink "Server console" "Консоль сервера"
!insertmacro Text StillRunning \
    "1C is running on this computer, and keeps the component. End these programs, or use /CloseRunning, then try again:" \
    "На этом компьютере работает 1С и держит компоненту. Завершите эти программы или укажите /CloseRunning и повторите:"
!insertmacro Text CloseThem \
    "1C is running on this computer, and keeps the component:$\r$\n$\r$\n$Running$\r$\n$\r$\nYes – end the client programs, restart the 1C server and go on. No – look again." \
    "На этом компьютере работает 1С и держит компоненту:$\r$\n$\r$\n$Running$\r$\n$\r$\nДа – завершить клиентские приложения, перезапустить сервер 1С и продолжить. Нет – посмотреть ещё раз."
!insertmacro Text RestartWindows \
    "Some program keeps the old component. It is replaced when Windows is restarted." \
    "Какая-то программа держит старую компоненту. Она заменится при перезагрузке Windows."
