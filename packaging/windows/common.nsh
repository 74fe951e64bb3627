; What both installers share: switches, exit codes, messages, who else is here, versions.
;
; makensis gets PACKAGE, VERSION, MAKER, FILES (a folder with x86_64 and i386) and OUT by -D; with QUICK it packs less tightly.
; Exit codes are the manual's: 0 done; 1 cannot begin; 2 the user cancelled; 3 a file, 4 the service, 5 rights, 6 the registry; 7 1C is running;
; 8 a restart of Windows ends it; 100 the same or a newer version is installed.

Unicode true
!ifdef QUICK
    SetCompressor zlib
!else
    SetCompressor /SOLID lzma
!endif
SetDateSave off
ManifestSupportedOS all
ManifestDPIAware true
RequestExecutionLevel admin
BrandingText " "
ShowInstDetails nevershow
ShowUninstDetails nevershow
Name "${TITLE}"
OutFile "${OUT}"
VIProductVersion "${VERSION}"
VIAddVersionKey ProductName "${PACKAGE}"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "${PACKAGE} setup"
VIAddVersionKey CompanyName "${MAKER}"
VIAddVersionKey LegalCopyright "MIT OR Apache-2.0"

!include LogicLib.nsh
!include x64.nsh
!include FileFunc.nsh
!include WordFunc.nsh
!include MUI2.nsh
!include WinVer.nsh

!define UNINSTALLERS "Software\Microsoft\Windows\CurrentVersion\Uninstall"
!define KEY "${UNINSTALLERS}\${MAKER}.${PACKAGE}"
!define CANNOT_BEGIN 1
!define CANCELLED 2
!define NO_FILE 3
!define NO_SERVICE 4
!define NO_RIGHTS 5
!define NO_REGISTRY 6
!define RUNNING 7
!define RESTART 8
!define INSTALLED 100

Var Windows ; 0 the wizard, 1 the progress alone, 2 nothing
Var NoBoxes ; 1: messages go to the log alone
Var CloseRunning
Var Code ; the exit code of a success: 0 or 8
Var LogFile
Var Left ; 1: a file of ours could not be removed

; ---- pages; none of them in the silent modes but the progress

!define MUI_PAGE_CUSTOMFUNCTION_PRE OnlyInWizard
!insertmacro MUI_PAGE_WELCOME
!define MUI_PAGE_CUSTOMFUNCTION_SHOW CloseByItself
!insertmacro MUI_PAGE_INSTFILES
!define MUI_PAGE_CUSTOMFUNCTION_PRE OnlyInWizard
!insertmacro MUI_PAGE_FINISH
!define MUI_PAGE_CUSTOMFUNCTION_PRE un.OnlyInWizard
!insertmacro MUI_UNPAGE_CONFIRM
!define MUI_PAGE_CUSTOMFUNCTION_SHOW un.CloseByItself
!insertmacro MUI_UNPAGE_INSTFILES
!define MUI_CUSTOMFUNCTION_ABORT Cancelled
!define MUI_CUSTOMFUNCTION_UNABORT un.Cancelled
; The first language is that of systems in neither.
!insertmacro MUI_LANGUAGE English
!insertmacro MUI_LANGUAGE Russian
!include texts.nsh

!macro Log TEXT
    FileWriteUTF16LE $LogFile `${TEXT}$\r$\n`
!macroend

; Says why and ends, with nothing more done.
!macro Stop CODE TEXT
    Push "${TEXT}"
    Push ${CODE}
    !ifdef __UNINSTALL__
        Call un.Stop
    !else
        Call Stop
    !endif
!macroend

; Runs a console program, by its whole path, without its window. $0 is its exit code ("error" if it does not start), $1 what it said.
!macro Run COMMAND
    !insertmacro Log `> ${COMMAND}`
    nsExec::ExecToStack `${COMMAND}`
    Pop $0
    Pop $1
    !insertmacro Log "$0 $1"
!macroend

; Puts FILE.new in the place of FILE. $0 is 0 when it could not.
!macro Replace FILE
    ; MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH
    System::Call 'kernel32::MoveFileExW(w "${FILE}.new", w "${FILE}", i 9) i .r0'
!macroend

!macro Both UN
    Function ${UN}Stop
        Pop $R8
        Pop $R9
        !insertmacro Log "$R9"
        ${If} $NoBoxes == 0
            MessageBox MB_OK|MB_ICONSTOP|MB_SETFOREGROUND "$R9"
        ${EndIf}
        !insertmacro Log "exit code $R8"
        SetErrorLevel $R8
        Quit
    FunctionEnd

    Function ${UN}OnlyInWizard
        ${If} $Windows <> 0
            Abort
        ${EndIf}
    FunctionEnd

    Function ${UN}CloseByItself
        ${If} $Windows <> 0
            SetAutoClose true
        ${EndIf}
    FunctionEnd

    Function ${UN}Cancelled
        !insertmacro Log "exit code ${CANCELLED}"
        SetErrorLevel ${CANCELLED}
    FunctionEnd

    ; Switches, in any case and order.
    Function ${UN}ReadSwitches
        ${GetParameters} $R0
        ${Do}
            StrCpy $R1 $R0 1
            ${If} $R1 == " "
                StrCpy $R0 $R0 "" 1
                ${Continue}
            ${EndIf}
            StrCpy $R2 0
            ${Do}
                StrCpy $R1 $R0 1 $R2
                ${If} $R1 == ""
                ${OrIf} $R1 == " "
                    ${ExitDo}
                ${EndIf}
                IntOp $R2 $R2 + 1
            ${Loop}
            ${If} $R2 = 0
                ${ExitDo}
            ${EndIf}
            StrCpy $R1 $R0 $R2
            StrCpy $R0 $R0 "" $R2
            ${If} $R1 == "/Silent"
                ${If} $Windows = 0
                    StrCpy $Windows 1
                ${EndIf}
            ${ElseIf} $R1 == "/VerySilent"
                StrCpy $Windows 2
            ${ElseIf} $R1 == "/SuppressMsgBoxes"
                StrCpy $NoBoxes 1
            ${ElseIf} $R1 == "/CloseRunning"
                StrCpy $CloseRunning 1
            ${Else}
                StrCpy $R3 "$R3 $R1"
            ${EndIf}
        ${Loop}
        ${If} $R3 != ""
            !insertmacro Stop ${CANNOT_BEGIN} "$(UnknownSwitch)$R3"
        ${EndIf}
        ${If} $Windows = 2
            SetSilent silent
        ${EndIf}
    FunctionEnd

    Function ${UN}Begin
        StrCpy $Windows 0
        StrCpy $NoBoxes 0
        StrCpy $CloseRunning 0
        StrCpy $Code 0
        StrCpy $Left 0
        StrCpy $R3 ""
        SetShellVarContext all
        ${If} ${RunningX64}
            SetRegView 64
            StrCpy $INSTDIR "$PROGRAMFILES64\1C\Licence\3.0"
        ${Else}
            StrCpy $INSTDIR "$PROGRAMFILES\1C\Licence\3.0"
        ${EndIf}
        ; Why a silent installation ended as it did is read here.
        FileOpen $LogFile "$TEMP\${PACKAGE}-setup.log" w
        FileWriteUTF16LE /BOM $LogFile "${PACKAGE} ${VERSION}$\r$\n"
        Call ${UN}ReadSwitches
        !ifndef __UNINSTALL__
            ; What Rust's std calls came with it.
            ${IfNot} ${AtLeastWin10}
                !insertmacro Stop ${CANNOT_BEGIN} "$(NeedsWindows10)"
            ${EndIf}
        !endif
        UserInfo::GetAccountType
        Pop $0
        ${If} $0 != "Admin"
            !insertmacro Stop ${CANNOT_BEGIN} "$(NeedsAdministrator)"
        ${EndIf}
        System::Call 'kernel32::CreateMutexW(p 0, i 1, w "Global\${MAKER}-setup") p .r0 ?e'
        Pop $0
        ${If} $0 = 183 ; it exists
            !insertmacro Stop ${CANNOT_BEGIN} "$(AnotherSetup)"
        ${EndIf}
    FunctionEnd

    Function ${UN}End
        !insertmacro Log "exit code $Code"
        SetErrorLevel $Code
    FunctionEnd
!macroend
!insertmacro Both ""
!insertmacro Both "un."

; ---- what is on the computer already

; $0 is 1 when the text on the stack's second place has the one on top in it, whatever the case of letters.
Function Contains
    Exch $R1
    Exch
    Exch $R0
    System::Call 'shlwapi::StrStrIW(w R0, w R1) p .r0'
    ${If} $0 P<> 0
        StrCpy $0 1
    ${EndIf}
    Pop $R0
    Pop $R1
FunctionEnd

; Stops before a file of another maker, or one of a pattern. Nothing has been touched so far.
Function StopBeforeFile
    Pop $R7
    ${If} ${FileExists} "$R7"
        !insertmacro Stop ${CANNOT_BEGIN} "$(AnotherMaker)$\r$\n$\r$\n$R7"
    ${EndIf}
FunctionEnd
!macro StopBeforeFile FILE
    Push "${FILE}"
    Call StopBeforeFile
!macroend

; Another maker's package of this name among the installed programs, of both kinds of processes.
Function StopBeforeEntries
    StrCpy $R4 0
    ${Do}
        EnumRegKey $R5 HKLM "${UNINSTALLERS}" $R4
        ${If} $R5 == ""
            ${ExitDo}
        ${EndIf}
        IntOp $R4 $R4 + 1
        ReadRegStr $R6 HKLM "${UNINSTALLERS}\$R5" "DisplayName"
        ReadRegStr $R7 HKLM "${UNINSTALLERS}\$R5" "Publisher"
        ${If} $R7 != "${MAKER}"
            Push "$R5 $R6"
            Push "${PACKAGE}"
            Call Contains
            ${If} $0 = 1
                !insertmacro Stop ${CANNOT_BEGIN} "$(AnotherMaker)$\r$\n$\r$\n$R6 ($R7)"
            ${EndIf}
        ${EndIf}
    ${Loop}
FunctionEnd

; $0 is 1 when a package of ours is installed, of whatever version.
Function IsOurs
    ReadRegStr $0 HKLM "${KEY}" "Publisher"
    ${If} $0 == "${MAKER}"
        StrCpy $0 1
    ${Else}
        StrCpy $0 0
    ${EndIf}
FunctionEnd

; Ends when the same or a newer version is there. FILE tells an installation from what is left of one.
!macro StopBeforeSameOrNewer FILE
    ReadRegStr $1 HKLM "${KEY}" "DisplayVersion"
    ${If} $1 != ""
    ${AndIf} ${FileExists} "${FILE}"
        ${VersionCompare} "$1" "${VERSION}" $0
        ${If} $0 <> 2
            !insertmacro Stop ${INSTALLED} "$(SameOrNewer) $1"
        ${EndIf}
    ${EndIf}
!macroend

; ---- the beginning and the end of an installation

; From here on files of this package are known as ours, however the installation ends. The registry is tried before anything else.
!macro Claim
    ClearErrors
    WriteRegStr HKLM "${KEY}" "Publisher" "${MAKER}"
    ${If} ${Errors}
        !insertmacro Stop ${NO_REGISTRY} "$(CannotRegister)"
    ${EndIf}
!macroend

; A first installation that has put nothing in its place leaves no trace.
!macro Unclaim FILE
    ${IfNot} ${FileExists} "${FILE}"
        DeleteRegKey HKLM "${KEY}"
    ${EndIf}
!macroend

; Rights of FOLDER, or an end with GiveUp.
!macro Rights FOLDER GRANTS
    !insertmacro Run '"$SYSDIR\icacls.exe" "${FOLDER}" ${GRANTS} /Q'
    ${If} $0 != 0
        Push $1
        Call GiveUp
        Pop $1
        !insertmacro Stop ${NO_RIGHTS} "$(CannotGiveRights) ${FOLDER} $1"
    ${EndIf}
!macroend

; S-1-5-19 LocalService, S-1-5-18 the system, S-1-5-32-544 administrators, S-1-5-32-545 users, S-1-3-0 whoever makes a file: their
; names differ by language.
!define OURS "/inheritance:r /grant *S-1-5-18:(OI)(CI)F /grant *S-1-5-32-544:(OI)(CI)F"
!define SERVICE "/grant *S-1-5-19:(OI)(CI)M"
; Any user may have made a folder in %ProgramData% before: as its owner, or by what he entered there, he would keep the last word.
!define TAKE "/setowner *S-1-5-32-544"

; The folder of settings, and the one around it: everybody reads what the component reads, and writes the component's logs.
!macro RightsOfSettings CONF MORE
    CreateDirectory "${CONF}\logs"
    !insertmacro Rights "${CONF}\.." "${TAKE}"
    !insertmacro Rights "${CONF}\.." "/reset"
    !insertmacro Rights "${CONF}\.." "${OURS} /grant *S-1-5-32-545:(OI)(CI)RX"
    !insertmacro Rights "${CONF}" "${TAKE}"
    !insertmacro Rights "${CONF}" "/reset"
    !insertmacro Rights "${CONF}" "${OURS} ${MORE} /grant *S-1-5-32-545:(OI)(CI)RX"
    !insertmacro Rights "${CONF}\logs" "${TAKE}"
    !insertmacro Rights "${CONF}\logs" "/reset"
    !insertmacro Rights "${CONF}\logs" "/grant *S-1-5-32-545:(WD) /grant *S-1-3-0:(OI)(CI)(IO)M"
    ${If} ${FileExists} "${CONF}\licenceaddin.conf"
        !insertmacro Rights "${CONF}\licenceaddin.conf" "${TAKE}"
        !insertmacro Rights "${CONF}\licenceaddin.conf" "/reset"
    ${EndIf}
!macroend

; Sets the error flag when it fails.
!macro Register UNINSTALLER
    ClearErrors
    WriteRegStr HKLM "${KEY}" "DisplayName" "$(^Name)"
    WriteRegStr HKLM "${KEY}" "InstallLocation" "$INSTDIR"
    WriteRegStr HKLM "${KEY}" "UninstallString" '"${UNINSTALLER}"'
    WriteRegStr HKLM "${KEY}" "QuietUninstallString" '"${UNINSTALLER}" /VerySilent /SuppressMsgBoxes'
    WriteRegDWORD HKLM "${KEY}" "NoModify" 1
    WriteRegDWORD HKLM "${KEY}" "NoRepair" 1
    WriteRegStr HKLM "${KEY}" "DisplayVersion" "${VERSION}"
!macroend

; Removes a program's file. One in use gets another name, under which it goes when Windows is restarted: its place is free for a new
; one at once. One that not even that is allowed for stays ours: $Left is 1.
!macro Remove FILE
    Delete "${FILE}"
    ${If} ${FileExists} "${FILE}"
        GetTempFileName $R9 "$INSTDIR"
        Delete $R9
        Rename "${FILE}" $R9
        ${If} ${FileExists} "${FILE}"
            StrCpy $Left 1
            Delete /REBOOTOK "${FILE}"
        ${Else}
            Delete /REBOOTOK $R9
        ${EndIf}
    ${EndIf}
!macroend

!macro Unregister
    DeleteRegKey HKLM "${KEY}"
    ${If} $Left = 1
        WriteRegStr HKLM "${KEY}" "Publisher" "${MAKER}"
    ${EndIf}
    ${If} ${RebootFlag}
        StrCpy $Code ${RESTART}
    ${EndIf}
!macroend

; The folders go when nothing is in them: the other package may be there still.
!macro RemoveFolders PROGRAMS
    RMDir "${PROGRAMS}\1C\Licence\3.0"
    RMDir "${PROGRAMS}\1C\Licence"
    RMDir "${PROGRAMS}\1C"
!macroend
