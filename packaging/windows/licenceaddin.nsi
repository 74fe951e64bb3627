; The installer of the component for Windows; see common.nsh for what it gets by -D.
;
; On 64-bit Windows both kinds of processes get their component, each in the folder for programs of its kind.

!define TITLE "Licence component for 1C:Enterprise 3.0 (СЛК)"
!include common.nsh

!define UNINSTALLER "$INSTDIR\uninstall-licenceaddin.exe"
!define SERVICES "SYSTEM\CurrentControlSet\Services"

Var Running ; names and numbers of running 1C programs
Var Restart ; names of stopped services, each with | before it
Var Wide ; the file for 64-bit processes; none on 32-bit Windows
Var Narrow ; the file for 32-bit processes

; $2 is the service $R5, opened for ACCESS.
!macro OpenService ACCESS
    System::Call 'advapi32::OpenSCManagerW(p 0, p 0, i 1) p .r1'
    System::Call 'advapi32::OpenServiceW(p r1, w R5, i ${ACCESS}) p .r2'
!macroend
!macro CloseService
    System::Call 'advapi32::CloseServiceHandle(p r2)'
    System::Call 'advapi32::CloseServiceHandle(p r1)'
!macroend

!macro Running UN
    Function ${UN}Places
        StrCpy $Wide ""
        ${If} ${RunningX64}
            StrCpy $Wide "$INSTDIR\licenceaddin-x86_64.dll"
        ${EndIf}
        StrCpy $Narrow "$PROGRAMFILES32\1C\Licence\3.0\licenceaddin-i386.dll"
    FunctionEnd

    ; Fills $Running. With 1 in $9 each program is ended where it stands.
    Function ${UN}FindRunning
        StrCpy $Running ""
        System::Call 'kernel32::CreateToolhelp32Snapshot(i 2, i 0) p .r1'
        ; PROCESSENTRY32W of a 32-bit process, its size in its first field.
        System::Alloc 556
        Pop $2
        System::Call '*$2(i 556)'
        System::Call 'kernel32::Process32FirstW(p r1, p r2) i .r3'
        ${While} $3 <> 0
            System::Call '*$2(i, i, i .r4, p, i, i, i, i, i, &w260 .r5)'
            ${If} $5 == "1cv8.exe"
            ${OrIf} $5 == "1cv8c.exe"
            ${OrIf} $5 == "1cv8s.exe"
            ${OrIf} $5 == "1cv8t.exe"
            ${OrIf} $5 == "1cv8ct.exe"
            ${OrIf} $5 == "rphost.exe"
            ${OrIf} $5 == "rmngr.exe"
            ${OrIf} $5 == "ragent.exe"
            ${OrIf} $5 == "ibsrv.exe"
                StrCpy $Running "$Running $5 ($4)"
                ${If} $9 = 1
                    ; PROCESS_TERMINATE, SYNCHRONIZE
                    System::Call 'kernel32::OpenProcess(i 0x100001, i 0, i r4) p .r6'
                    ${If} $6 P<> 0
                        System::Call 'kernel32::TerminateProcess(p r6, i 1)'
                        System::Call 'kernel32::WaitForSingleObject(p r6, i 10000)'
                        System::Call 'kernel32::CloseHandle(p r6)'
                    ${EndIf}
                ${EndIf}
            ${EndIf}
            System::Call 'kernel32::Process32NextW(p r1, p r2) i .r3'
        ${EndWhile}
        System::Free $2
        System::Call 'kernel32::CloseHandle(p r1)'
    FunctionEnd

    ; Stops the service $R5 if it runs, and waits a minute for that.
    Function ${UN}StopService
        ; SERVICE_STOP, SERVICE_QUERY_STATUS
        !insertmacro OpenService 0x24
        ; SERVICE_STATUS
        System::Alloc 28
        Pop $3
        System::Call 'advapi32::ControlService(p r2, i 1, p r3) i .r0'
        !insertmacro Log "stopping $R5: $0"
        ${If} $0 <> 0
            StrCpy $Restart "$Restart|$R5"
            StrCpy $4 0
            ${Do}
                System::Call 'advapi32::QueryServiceStatus(p r2, p r3)'
                System::Call '*$3(i, i .r5)'
                ${If} $5 = 1 ; SERVICE_STOPPED
                    ${ExitDo}
                ${EndIf}
                Sleep 250
                IntOp $4 $4 + 1
            ${LoopUntil} $4 >= 240
        ${EndIf}
        System::Free $3
        !insertmacro CloseService
    FunctionEnd

    ; Stops the services that are 1C servers, for StartServices to start them again.
    Function ${UN}StopServices
        StrCpy $R4 0
        ${Do}
            EnumRegKey $R5 HKLM "${SERVICES}" $R4
            ${If} $R5 == ""
                ${ExitDo}
            ${EndIf}
            IntOp $R4 $R4 + 1
            ReadRegStr $R6 HKLM "${SERVICES}\$R5" "ImagePath"
            System::Call 'shlwapi::StrStrIW(w R6, w "ragent.exe") p .r0'
            System::Call 'shlwapi::StrStrIW(w R6, w "ibsrv.exe") p .r1'
            ${If} $0 P<> 0
            ${OrIf} $1 P<> 0
                Call ${UN}StopService
            ${EndIf}
        ${Loop}
    FunctionEnd

    Function ${UN}StartServices
        ${While} $Restart != ""
            ; The last name, without the bar before it.
            StrLen $R4 $Restart
            ${Do}
                IntOp $R4 $R4 - 1
                StrCpy $R5 $Restart 1 $R4
            ${LoopUntil} $R5 == "|"
            IntOp $R6 $R4 + 1
            StrCpy $R5 $Restart "" $R6
            StrCpy $Restart $Restart $R4
            ; SERVICE_START
            !insertmacro OpenService 0x10
            System::Call 'advapi32::StartServiceW(p r2, i 0, p 0) i .r0'
            !insertmacro Log "starting $R5: $0"
            !insertmacro CloseService
        ${EndWhile}
    FunctionEnd

    ; Clients are asked to end as by the cross in their corner, and have ten seconds to do so.
    Function ${UN}EndRunning
        Call ${UN}StopServices
        !insertmacro Run '"$SYSDIR\taskkill.exe" /IM 1cv8.exe /IM 1cv8c.exe /IM 1cv8s.exe /IM 1cv8t.exe /IM 1cv8ct.exe'
        StrCpy $R4 0
        StrCpy $9 0
        ${Do}
            Call ${UN}FindRunning
            ${If} $Running == ""
                Return
            ${EndIf}
            Sleep 250
            IntOp $R4 $R4 + 1
        ${LoopUntil} $R4 >= 40
        StrCpy $9 1
        Call ${UN}FindRunning
        StrCpy $9 0
        Call ${UN}FindRunning
    FunctionEnd

    ; Goes on only when no 1C program is running.
    Function ${UN}ClearRunning
        StrCpy $Restart ""
        StrCpy $9 0
        Call ${UN}FindRunning
        ${While} $Running != ""
            ${If} $CloseRunning = 1
                Call ${UN}EndRunning
                ${If} $Running != ""
                    Call ${UN}StartServices
                    !insertmacro Stop ${RUNNING} "$(StillRunning)$Running"
                ${EndIf}
            ${ElseIf} $Windows <> 0
                !insertmacro Stop ${RUNNING} "$(StillRunning)$Running"
            ${Else}
                MessageBox MB_YESNOCANCEL|MB_ICONEXCLAMATION "$(CloseThem)" IDYES close IDNO look
                Call ${UN}Cancelled
                Quit
                close:
                StrCpy $CloseRunning 1
                look:
                Call ${UN}FindRunning
            ${EndIf}
        ${EndWhile}
    FunctionEnd
!macroend
!insertmacro Running ""
!insertmacro Running "un."

Function .onInit
    Call Begin
    Call Places
    Call IsOurs
    ${If} $0 = 0
        !insertmacro StopBeforeFile "$INSTDIR\licenceaddin*.dll"
        !insertmacro StopBeforeFile "$PROGRAMFILES32\1C\Licence\3.0\licenceaddin*.dll"
        ; Where the manual of the genuine СЛК has its server.
        !insertmacro StopBeforeFile "$INSTDIR\..\v3.0\licenceaddin*.dll"
        !insertmacro StopBeforeFile "$PROGRAMFILES32\1C\Licence\v3.0\licenceaddin*.dll"
        Call StopBeforeEntries
        ${If} ${RunningX64}
            SetRegView 32
            Call StopBeforeEntries
            SetRegView 64
        ${EndIf}
    ${EndIf}
    !insertmacro StopBeforeSameOrNewer "$Narrow"
    ${If} $Windows <> 0
        Call ClearRunning
    ${EndIf}
FunctionEnd

; Libraries that wait for a restart of Windows: it puts nothing into a place for which there is nothing.
!macro DeleteNew UN
    Function ${UN}DeleteNew
        Delete "$Narrow.new"
        ${If} $Wide != ""
            Delete "$Wide.new"
        ${EndIf}
    FunctionEnd
!macroend
!insertmacro DeleteNew ""
!insertmacro DeleteNew "un."

; What was stopped works again. A first installation that has put nothing in its place leaves no trace.
Function GiveUp
    Call DeleteNew
    ${IfNot} ${FileExists} "$Narrow"
        Delete "${UNINSTALLER}"
        !insertmacro RemoveFolders "$PROGRAMFILES32"
        !insertmacro RemoveFolders "$INSTDIR\..\..\.."
    ${EndIf}
    !insertmacro Unclaim "$Narrow"
    Call StartServices
FunctionEnd

; A library in use cannot be replaced; then Windows does it at its next start.
!macro PutLibrary FILE
    !insertmacro Replace "${FILE}"
    ${If} $0 = 0
        ; MOVEFILE_REPLACE_EXISTING, MOVEFILE_DELAY_UNTIL_REBOOT
        System::Call 'kernel32::MoveFileExW(w "${FILE}.new", w "${FILE}", i 5) i .r0'
        ${If} $0 = 0
            Call GiveUp
            !insertmacro Stop ${NO_FILE} "$(CannotWrite) ${FILE}"
        ${EndIf}
        StrCpy $Code ${RESTART}
    ${EndIf}
    ; 1C loads a library only if it belongs to the administrators; see addin/src/native/rights.rs.
    !insertmacro Run '"$SYSDIR\icacls.exe" "${FILE}" /setowner *S-1-5-32-544 /Q'
!macroend

Section
    ${If} $Windows = 0
        Call ClearRunning
    ${EndIf}
    SetOverwrite try
    !insertmacro Claim
    ClearErrors
    SetOutPath "$PROGRAMFILES32\1C\Licence\3.0"
    File "/oname=licenceaddin-i386.dll.new" "${FILES}/i386/licenceaddin.dll"
    SetOutPath "$INSTDIR"
    ${If} $Wide != ""
        File "/oname=licenceaddin-x86_64.dll.new" "${FILES}/x86_64/licenceaddin.dll"
    ${EndIf}
    WriteUninstaller "${UNINSTALLER}"
    SetOutPath "$APPDATA\1C\licence\3.0"
    File "${FILES}/licenceaddin.conf.sample"
    SetOutPath "$INSTDIR"
    ${If} ${Errors}
        Call GiveUp
        !insertmacro Stop ${NO_FILE} "$(CannotWrite) $INSTDIR"
    ${EndIf}
    ; Where the server is, it has given its folder the rights.
    ${IfNot} ${FileExists} "$INSTDIR\licenceserver.exe"
        !insertmacro RightsOfSettings "$APPDATA\1C\licence\3.0" ""
    ${EndIf}
    !insertmacro PutLibrary "$Narrow"
    ${If} $Wide != ""
        !insertmacro PutLibrary "$Wide"
    ${EndIf}
    !insertmacro Register "${UNINSTALLER}"
    ${If} ${Errors}
        Call GiveUp
        !insertmacro Stop ${NO_REGISTRY} "$(CannotRegister)"
    ${EndIf}
    Call StartServices
    ${If} $Code = ${RESTART}
        SetRebootFlag true
        ${If} $NoBoxes = 0
        ${AndIf} $Windows = 0
            MessageBox MB_OK|MB_ICONINFORMATION "$(RestartWindows)"
        ${EndIf}
    ${EndIf}
    Call End
SectionEnd

Function un.onInit
    Call un.Begin
    Call un.Places
    Call un.ClearRunning
FunctionEnd

; Settings and logs stay.
Section Uninstall
    Call un.DeleteNew
    !insertmacro Remove "$Narrow"
    ${If} $Wide != ""
        !insertmacro Remove "$Wide"
    ${EndIf}
    Delete "${UNINSTALLER}"
    Delete "$APPDATA\1C\licence\3.0\licenceaddin.conf.sample"
    !insertmacro RemoveFolders "$PROGRAMFILES32"
    !insertmacro RemoveFolders "$INSTDIR\..\..\.."
    !insertmacro Unregister
    Call un.StartServices
    Call un.End
SectionEnd
