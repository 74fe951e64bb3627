; The installer of the licence server for Windows; see common.nsh for what it gets by -D.

!define TITLE "Licence server for 1C:Enterprise 3.0 (СЛК)"
!define MUI_FINISHPAGE_RUN
!define MUI_FINISHPAGE_RUN_FUNCTION OpenConsole
!define MUI_FINISHPAGE_RUN_TEXT "$(ConsoleLink)"
!include common.nsh

!define SERVICES "SYSTEM\CurrentControlSet\Services"
!define UNINSTALLER "$INSTDIR\uninstall-licenceserver.exe"

Var Conf ; %ProgramData%\1C\licence\3.0
Var Data

Function .onInit
    Call Begin
    StrCpy $Conf "$APPDATA\1C\licence\3.0"
    StrCpy $Data "$APPDATA\1C\Licence\Data"
    Call IsOurs
    ${If} $0 = 0
        !insertmacro StopBeforeFile "$INSTDIR\licenceserver.exe"
        !insertmacro StopBeforeFile "$PROGRAMFILES32\1C\Licence\3.0\licenceserver.exe"
        ; Where the manual of the genuine СЛК has it.
        !insertmacro StopBeforeFile "$INSTDIR\..\v3.0\licenceserver.exe"
        !insertmacro StopBeforeFile "$PROGRAMFILES32\1C\Licence\v3.0\licenceserver.exe"
        Call StopBeforeServices
        Call StopBeforeEntries
        ${If} ${RunningX64}
            SetRegView 32
            Call StopBeforeEntries
            SetRegView 64
        ${EndIf}
        Call StopBeforeSettings
    ${EndIf}
    !insertmacro StopBeforeSameOrNewer "$INSTDIR\licenceserver.exe"
FunctionEnd

; A service of another maker, under whatever name: its program is called as ours.
Function StopBeforeServices
    StrCpy $R4 0
    ${Do}
        EnumRegKey $R5 HKLM "${SERVICES}" $R4
        ${If} $R5 == ""
            ${ExitDo}
        ${EndIf}
        IntOp $R4 $R4 + 1
        ReadRegStr $1 HKLM "${SERVICES}\$R5" "ImagePath"
        System::Call 'shlwapi::StrStrIW(w r1, w "licenceserver.exe") p .r0'
        ${If} $0 P<> 0
            !insertmacro Stop ${CANNOT_BEGIN} "$(AnotherMaker)$\r$\n$\r$\n$R5: $1"
        ${EndIf}
    ${Loop}
FunctionEnd

; $0 is 1 when a line of the file $R7 has $R6 in it.
Function FileSays
    StrCpy $0 0
    ClearErrors
    FileOpen $R4 "$R7" r
    ${DoUntil} ${Errors}
        FileRead $R4 $R5
        System::Call 'shlwapi::StrStrIW(w R5, w R6) p .r0'
        ${If} $0 P<> 0
            StrCpy $0 1
            ${ExitDo}
        ${EndIf}
    ${Loop}
    FileClose $R4
FunctionEnd

!macro StopUnlessFileSays FILE FIRST SECOND
    FileOpen $R4 "${FILE}" r
    FileSeek $R4 0 END $R5
    FileClose $R4
    ; An empty file is nobody's.
    ${If} ${FileExists} "${FILE}"
    ${AndIf} $R5 <> 0
        StrCpy $R7 "${FILE}"
        StrCpy $R6 "${FIRST}"
        Call FileSays
        ${If} $0 = 0
            StrCpy $R6 "${SECOND}"
            Call FileSays
        ${EndIf}
        ${If} $0 = 0
            !insertmacro Stop ${CANNOT_BEGIN} "$(OtherSettings)$\r$\n$\r$\n${FILE}"
        ${EndIf}
    ${EndIf}
!macroend

; Settings that another maker's server left. With the key that a server of ours makes at its first start they are ours.
Function StopBeforeSettings
    ${If} ${FileExists} "$Data\server.key"
        Return
    ${EndIf}
    !insertmacro StopUnlessFileSays "$Conf\licenceserver.conf" "; Settings of the licence server." "; open-licence"
    !insertmacro StopUnlessFileSays "$Conf\licence.series" "ed25519:" "p256:"
FunctionEnd

Function OpenConsole
    Call ReadConsole
    ; Through the desktop, so that the browser does not get this installer's rights.
    Exec '"$WINDIR\explorer.exe" "$R0"'
FunctionEnd

; $R0 is the console's address; the port is the settings'.
Function ReadConsole
    ReadINIStr $R1 "$Conf\licenceserver.conf" Common ServerPort
    ${If} $R1 < 1
        StrCpy $R1 9099
    ${EndIf}
    StrCpy $R0 "http://localhost:$R1"
FunctionEnd

; Nothing of this installation stays, and the server that was there before works on.
Function GiveUp
    Delete "$INSTDIR\licenceserver.exe.new"
    ${If} ${FileExists} "$INSTDIR\licenceserver.exe"
        !insertmacro Run '"$INSTDIR\licenceserver.exe" service install'
    ${Else}
        Delete "${UNINSTALLER}"
        !insertmacro RemoveFolders "$INSTDIR\..\..\.."
    ${EndIf}
    !insertmacro Unclaim "$INSTDIR\licenceserver.exe"
FunctionEnd

; The service's account may change its folders. Everybody reads the component's settings and writes the component's logs; nobody else
; sees keys or the server's settings, or puts settings there.
Function GiveRights
    !insertmacro RightsOfSettings "$Conf" "${SERVICE}"
    CreateDirectory "$Data"
    !insertmacro Rights "$Data" "${TAKE}"
    !insertmacro Rights "$Data" "/reset"
    !insertmacro Rights "$Data" "${OURS} ${SERVICE}"
    ; The server makes this file out of one in its folder of keys, whose rights it keeps; those of the folder around it came
    ; back a moment ago.
    ${If} ${FileExists} "$Conf\licenceserver.conf"
        !insertmacro Rights "$Conf\licenceserver.conf" "${TAKE}"
        !insertmacro Rights "$Conf\licenceserver.conf" "/reset"
        !insertmacro Rights "$Conf\licenceserver.conf" "/inheritance:r /grant *S-1-5-19:M /grant *S-1-5-18:F /grant *S-1-5-32-544:F"
    ${EndIf}
    ; Somebody may have put them there before.
    ${If} ${FileExists} "$Conf\licence.series"
        !insertmacro Rights "$Conf\licence.series" "${TAKE}"
        !insertmacro Rights "$Conf\licence.series" "/reset"
    ${EndIf}
    ${If} ${FileExists} "$Data\server.*"
        !insertmacro Rights "$Data\server.*" "${TAKE}"
        !insertmacro Rights "$Data\server.*" "/reset"
    ${EndIf}
FunctionEnd

Function MakeLink
    Call ReadConsole
    CreateDirectory "$SMPROGRAMS\$(ConsoleFolder)\3.0"
    WriteINIStr "$SMPROGRAMS\$(ConsoleFolder)\3.0\$(ConsoleLink).url" InternetShortcut URL "$R0"
    ; The language may be another one when this is removed.
    WriteRegStr HKLM "${KEY}" "ConsoleFolder" "$(ConsoleFolder)"
FunctionEnd

Function AllowInFirewall
    ; Where it is switched off or governed by a policy, the rule is not made; the server works without it on this computer.
    !insertmacro Run '"$SYSDIR\netsh.exe" advfirewall firewall delete rule name="licenceserver 3.0"'
    !insertmacro Run '"$SYSDIR\netsh.exe" advfirewall firewall add rule name="licenceserver 3.0" dir=in action=allow protocol=TCP profile=domain,private program="$INSTDIR\licenceserver.exe"'
FunctionEnd

; The driver of protection keys, when its installer lies beside this one. Nobody is asked in the silent modes.
Function OfferDriver
    FindFirst $0 $1 "$EXEDIR\upkey-*.exe"
    ${If} $1 != ""
        ${If} $Windows <> 0
            !insertmacro Log "$1 lies beside this installer and was not started: nobody could be asked"
        ${Else}
            MessageBox MB_YESNO|MB_ICONQUESTION "$(OfferDriver)$\r$\n$\r$\n$EXEDIR\$1" IDNO no
            ExecWait '"$EXEDIR\$1"'
            no:
        ${EndIf}
    ${EndIf}
    FindClose $0
FunctionEnd

Section
    SetOverwrite try
    !insertmacro Claim
    ClearErrors
    SetOutPath "$INSTDIR"
    ${If} ${RunningX64}
        File "/oname=licenceserver.exe.new" "${FILES}/x86_64/licenceserver.exe"
    ${Else}
        File "/oname=licenceserver.exe.new" "${FILES}/i386/licenceserver.exe"
    ${EndIf}
    WriteUninstaller "${UNINSTALLER}"
    SetOutPath "$Conf"
    File "${FILES}/licenceserver.conf.sample"
    SetOutPath "$INSTDIR"
    ${If} ${Errors}
        Call GiveUp
        !insertmacro Stop ${NO_FILE} "$(CannotWrite) $INSTDIR, $Conf"
    ${EndIf}
    Call GiveRights

    ; The old server stops only now, for as long as a file takes to be renamed.
    ${If} ${FileExists} "$INSTDIR\licenceserver.exe"
        !insertmacro Run '"$INSTDIR\licenceserver.exe" service stop'
        ${If} $0 != 0
            Call GiveUp
            !insertmacro Stop ${NO_SERVICE} "$(CannotStopService) $1"
        ${EndIf}
    ${EndIf}
    !insertmacro Replace "$INSTDIR\licenceserver.exe"
    ${If} $0 = 0
        Call GiveUp
        !insertmacro Stop ${NO_FILE} "$(CannotWrite) $INSTDIR\licenceserver.exe"
    ${EndIf}
    ; It is removed from here on even if it does not start.
    !insertmacro Register "${UNINSTALLER}"
    ${If} ${Errors}
        Call GiveUp
        !insertmacro Stop ${NO_REGISTRY} "$(CannotRegister)"
    ${EndIf}
    ; Before the start: a server that does not start now is started later, and this is not run again then.
    Call AllowInFirewall
    Call MakeLink
    !insertmacro Run '"$INSTDIR\licenceserver.exe" service install'
    ${If} $0 != 0
        !insertmacro Stop ${NO_SERVICE} "$(CannotStartService) $1"
    ${EndIf}
    Call OfferDriver
    Call End
SectionEnd

Function un.onInit
    Call un.Begin
FunctionEnd

; Keys, settings and logs stay.
Section Uninstall
    ; Without the program (an antivirus may have taken it) Windows itself takes the service out.
    ${If} ${FileExists} "$INSTDIR\licenceserver.exe"
        !insertmacro Run '"$INSTDIR\licenceserver.exe" service uninstall'
    ${Else}
        !insertmacro Run '"$SYSDIR\sc.exe" delete licenceserver'
        StrCpy $0 0
    ${EndIf}
    ${If} $0 != 0
        !insertmacro Stop ${NO_SERVICE} "$(CannotStopService) $1"
    ${EndIf}
    !insertmacro Run '"$SYSDIR\netsh.exe" advfirewall firewall delete rule name="licenceserver 3.0"'
    ReadRegStr $1 HKLM "${KEY}" "ConsoleFolder"
    ${If} $1 != ""
        Delete "$SMPROGRAMS\$1\3.0\*.url"
        RMDir "$SMPROGRAMS\$1\3.0"
        RMDir "$SMPROGRAMS\$1"
    ${EndIf}
    !insertmacro Remove "$INSTDIR\licenceserver.exe"
    Delete "${UNINSTALLER}"
    Delete "$APPDATA\1C\licence\3.0\licenceserver.conf.sample"
    !insertmacro RemoveFolders "$INSTDIR\..\..\.."
    !insertmacro Unregister
    Call un.End
SectionEnd
