// Plain functions by which the tests in Rust drive the simulated platform.
#include <cstring>
#include <new>

#include "host.h"

using host::Host;
using native::Unit;
using native::Variant;

namespace {

long long as_long(size_t number) { return static_cast<long long>(number); }

const Unit* units(const host::Text& text) { return reinterpret_cast<const Unit*>(text.c_str()); }

}  // namespace

extern "C" {

// --- the life of an object

Host* host_create(const native::Exports* exports, const Unit* name) {
    Host* self = new Host(*exports);
    if (self->create(name)) return self;
    delete self;
    return nullptr;
}
bool host_init(Host* self) {
    self->watch.again();
    return self->component->Init(static_cast<native::ConnectionBase*>(&self->connection));
}
bool host_init_null(Host* self) { return self->component->Init(nullptr); }
bool host_set_memory(Host* self) { return self->component->setMemManager(static_cast<native::MemoryManagerBase*>(&self->memory)); }
bool host_set_memory_null(Host* self) { return self->component->setMemManager(nullptr); }
long long host_info(Host* self) { return self->component->GetInfo(); }
void host_done(Host* self) { self->done(); }
bool host_destroy(Host* self, int how) { return self->destroy(how); }
void host_delete(Host* self) { delete self; }

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

// --- memory

void host_free(Host* self, void* memory) { self->memory.release(memory); }
long long host_live(Host* self) { return as_long(self->memory.live()); }
long long host_allocations(Host* self) { return self->memory.allocations; }
long long host_foreign_frees(Host* self) { return self->memory.foreign_frees; }
long long host_empty_requests(Host* self) { return self->memory.empty_requests; }
long long host_late_calls(Host* self) { return self->watch.late(); }
void host_refuse_after(Host* self, long long count, bool lie) {
    self->memory.lie = lie;
    self->memory.refuse_after = count;
}

// --- errors, events, the platform

long long host_error_count(Host* self) {
    std::lock_guard<std::mutex> lock(self->connection.mutex);
    return as_long(self->connection.errors.size());
}
void host_error(Host* self, long long number, int* code, const Unit** source, const Unit** text, long long* raise) {
    std::lock_guard<std::mutex> lock(self->connection.mutex);
    const host::Error& error = self->connection.errors.at(static_cast<size_t>(number));
    *code = error.code;
    *source = units(error.source);
    *text = units(error.text);
    *raise = error.raise;
}
void host_on_error(Host* self, void (*callback)(void*), void* context) {
    self->connection.on_error = callback;
    self->connection.on_error_context = context;
}
long long host_wait_events(Host* self, long long count, long long milliseconds) {
    return as_long(self->connection.wait_events(static_cast<size_t>(count), std::chrono::milliseconds(milliseconds)));
}
void host_event(Host* self, long long number, const Unit** source, const Unit** message, const Unit** data) {
    std::lock_guard<std::mutex> lock(self->connection.mutex);
    const host::Event& event = self->connection.events.at(static_cast<size_t>(number));
    *source = units(event.source);
    *message = units(event.message);
    *data = units(event.data);
}
long long host_event_depth(Host* self) { return self->connection.depth; }
long long host_interface_calls(Host* self) { return self->connection.interface_calls; }
void host_platform(Host* self, const Unit* version, int application, bool present, bool no_info) {
    self->connection.has_platform = present;
    self->connection.platform.no_info = no_info;
    self->connection.platform.application = application;
    self->connection.platform.version = reinterpret_cast<const char16_t*>(version);
}

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
