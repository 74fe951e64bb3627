#!/usr/bin/env bash
# From external data processors to an extension that Designer loads:
#
#   build.sh --series KEYID --cryptkey FILE --component ZIP --out FOLDER [PROCESSOR.epf…]
#
# Packs the processors into a datafile (each under its file's name), and puts that and the component into the templates of
# a copy of extension/, with the series written into its module. Without a processor the sample one is built, which
# needs Python with v8unpack 1.2.15 ($PYTHON, else python3). licenceedit is looked for in PATH, or named by $LICENCEEDIT.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

die() {
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}

series="" cryptkey="" component="" out="" processors=()
while (($#)); do
    case $1 in
    --series | --cryptkey | --component | --out)
        (($# >= 2)) || die "$1 needs a value; see the first lines of this file"
        printf -v "${1#--}" '%s' "$2"
        shift 2
        ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;;
    -*) die "unknown option $1; see --help" ;;
    *) processors+=("$1") && shift ;;
    esac
done
for name in series cryptkey component out; do
    [[ -n ${!name} ]] || die "--$name is missing; see --help"
done
[[ $series =~ ^[0-9A-Fa-f]{4}$ ]] || die "the series is four hex digits, for example 672B, not $series"
for file in "$cryptkey" "$component" ${processors[@]+"${processors[@]}"}; do
    [[ -f $file ]] || die "there is no file $file"
done
[[ $(head -c 2 "$component") == PK ]] || die "$component is no ZIP; give the archive with the component"
[[ ! -e $out ]] || die "$out exists already; remove it, or choose another folder"
licenceedit=${LICENCEEDIT:-licenceedit}
command -v "$licenceedit" >/dev/null || die "licenceedit is not found; put it into PATH, or its path into LICENCEEDIT"

mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$(dirname "$out")/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
if ((${#processors[@]} == 0)); then
    mkdir "$work/epf"
    "${PYTHON:-python3}" "$here/build_epf.py" "$work/epf/ЗащищенныйРасчет.epf"
    processors=("$work/epf/ЗащищенныйРасчет.epf")
fi

mkdir "$work/out"
"$licenceedit" c "$work/out/objects.datafile" "${processors[@]}" "--cryptkey=$cryptkey" "--serie=$series" >"$work/said"

cp -r "$here/extension" "$work/out/extension"
templates=$work/out/extension/CommonTemplates
mkdir -p "$templates/ЛицензированиеКомпонента/Ext" "$templates/ЛицензированиеОбъекты/Ext"
cp "$component" "$templates/ЛицензированиеКомпонента/Ext/Template.bin"
cp "$work/out/objects.datafile" "$templates/ЛицензированиеОбъекты/Ext/Template.bin"
module=$work/out/extension/CommonModules/ЛицензированиеСервер/Ext/Module.bsl
grep -q 'Возврат "AB12";' "$module" || die "the series is not where it should be in $module"
sed -i "s/Возврат \"AB12\";/Возврат \"${series^^}\";/" "$module"

mv "$work/out" "$out"
cat <<TEXT
$out/objects.datafile: the protected objects:
$(tail -n +2 "$work/said")
$out/extension: the extension. Load it, INFOBASE being its folder:
  1cv8 DESIGNER /F INFOBASE /LoadConfigFromFiles $out/extension -Extension Лицензирование
  1cv8 DESIGNER /F INFOBASE /UpdateDBCfg -Extension Лицензирование
TEXT
