// Plain functions by which the tests in Rust drive the platform's objects and values.
#include <cstring>
#include <new>

#include "shapes.h"

using host::Host;
using native::Unit;
using native::Variant;

#ifdef _MSC_VER
// What Microsoft's run-time library has and MinGW's, which this is linked with, has not under these names.
extern "C" void* malloc(size_t bytes);
extern "C" void free(void* memory);
extern "C" int _purecall() { __builtin_trap(); }
extern "C" int _fltused = 0;
void* operator new(size_t bytes) { return malloc(bytes); }
void operator delete(void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }
#endif

namespace host {

bool Host::destroy(int how) {
    native::ComponentBase* object = component;
    component = nullptr;
    bool good = true;
    switch (how) {
    case 0: good = exports.destroy_object(&object) == 0 && !object; break;
    case 1: delete object; break;
    case 2: delete static_cast<native::LanguageExtenderBase*>(object); break;
    case 3: delete static_cast<native::LocaleBase*>(object); break;
    case 4: delete static_cast<native::UserLanguageBase*>(object); break;
    case 5: object->~ComponentBase(); break;
    default: good = false;
    }
    // Whatever comes after this is too late, Done or not.
    side_done(side);
    return good;
}

}  // namespace host

extern "C" {

// --- the life of an object

Host* host_create(const native::Exports* exports, const Unit* name) {
    Host* self = new Host(*exports);
    if (self->create(name)) return self;
    delete self;
    return nullptr;
}
bool host_init(Host* self) {
    side_again(self->side);
    return self->component->Init(static_cast<native::ConnectionBase*>(&self->connection));
}
bool host_init_null(Host* self) { return self->component->Init(nullptr); }
bool host_set_memory(Host* self) { return self->component->setMemManager(static_cast<native::MemoryManagerBase*>(&self->memory)); }
bool host_set_memory_null(Host* self) { return self->component->setMemManager(nullptr); }
long long host_info(Host* self) { return self->component->GetInfo(); }
void host_done(Host* self) { self->done(); }
bool host_destroy(Host* self, int how) { return self->destroy(how); }
void host_delete(Host* self) { delete self; }
host::Side* host_side(Host* self) { return self->side; }

// --- what the component shows

bool host_register(Host* self, Unit** name) { return self->component->RegisterExtensionAs(name); }
long long host_property_count(Host* self) { return self->component->GetNProps(); }
long long host_find_property(Host* self, const Unit* name) { return self->component->FindProp(name); }
const Unit* host_property_name(Host* self, long long number, long long alias) { return self->component->GetPropName(number, alias); }
bool host_get(Host* self, long long number, Variant* value) { return self->component->GetPropVal(number, value); }
bool host_set(Host* self, long long number, Variant* value) { return self->component->SetPropVal(number, value); }
bool host_readable(Host* self, long long number) { return self->component->IsPropReadable(number); }
bool host_writable(Host* self, long long number) { return self->component->IsPropWritable(number); }
long long host_method_count(Host* self) { return self->component->GetNMethods(); }
long long host_find_method(Host* self, const Unit* name) { return self->component->FindMethod(name); }
const Unit* host_method_name(Host* self, long long number, long long alias) { return self->component->GetMethodName(number, alias); }
long long host_param_count(Host* self, long long number) { return self->component->GetNParams(number); }
bool host_default(Host* self, long long number, long long param, Variant* value) { return self->component->GetParamDefValue(number, param, value); }
bool host_has_answer(Host* self, long long number) { return self->component->HasRetVal(number); }
bool host_procedure(Host* self, long long number, Variant* params, long long count) { return self->component->CallAsProc(number, params, count); }
bool host_function(Host* self, long long number, Variant* answer, Variant* params, long long count) { return self->component->CallAsFunc(number, answer, params, count); }
void host_locale(Host* self, const Unit* locale) { self->component->SetLocale(locale); }
void host_language(Host* self, const Unit* code) { self->component->SetUserInterfaceLanguageCode(code); }

// --- values: an array whose every byte is 0xAA at first, as a careless platform leaves it

Variant* values_new(size_t count) {
    auto* values = static_cast<Variant*>(::operator new(sizeof(Variant) * (count ? count : 1)));
    std::memset(static_cast<void*>(values), 0xAA, sizeof(Variant) * (count ? count : 1));
    return values;
}
void values_delete(Variant* values) { ::operator delete(values); }
size_t value_size() { return sizeof(Variant); }
Variant* value_at(Variant* values, size_t index) { return values + index; }
int value_kind(const Variant* value) { return value->kind; }
void value_set_kind(Variant* value, uint16_t kind) { value->kind = kind; }
// The union's first bytes, for numbers of all widths; the caller sets the kind.
void value_set_bits(Variant* value, uint64_t bits) { value->ui8 = bits; }
void value_set_tm(Variant* value, const int* fields) {
    std::memset(static_cast<void*>(&value->tm), 0x5A, sizeof value->tm);  // zone and offset are garbage
    value->tm.tm_sec = fields[0], value->tm.tm_min = fields[1], value->tm.tm_hour = fields[2];
    value->tm.tm_mday = fields[3], value->tm.tm_mon = fields[4], value->tm.tm_year = fields[5];
    value->kind = native::kTm;
}
void value_set_wide(Variant* value, Unit* text, uint32_t count) {
    value->wide.units = text, value->wide.unit_count = count, value->kind = native::kPwstr;
}
void value_set_narrow(Variant* value, char* bytes, uint32_t count, uint16_t kind) {
    value->narrow.bytes = bytes, value->narrow.byte_count = count, value->kind = kind;
}
bool value_bool(const Variant* value) { return value->boolean; }
int32_t value_int(const Variant* value) { return value->i4; }
double value_double(const Variant* value) { return value->r8; }
// The six fields of a date, then week day, day of the year, summer time, and whether zone and offset are zero.
void value_tm(const Variant* value, int* fields) {
    const struct tm& tm = value->tm;
    const int all[] = {tm.tm_sec, tm.tm_min, tm.tm_hour, tm.tm_mday, tm.tm_mon, tm.tm_year, tm.tm_wday, tm.tm_yday, tm.tm_isdst,
#ifdef _WIN32
                       1
#else
                       tm.tm_gmtoff == 0 && tm.tm_zone == nullptr
#endif
    };
    std::memcpy(fields, all, sizeof all);
}
void* value_data(const Variant* value, uint32_t* count) {
    *count = value->wide.unit_count;
    return value->wide.units;
}

}  // extern "C"
