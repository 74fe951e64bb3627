// The same call many times, for benches: nothing but the call and the platform's part of it is inside the loop.
#include <cstdlib>
#include <cstring>

#include "shapes.h"

using host::Host;
using native::Unit;
using native::Variant;

namespace {

// A memory manager as the platform's is in earnest: it counts nothing.
class PlainMemory final : public native::MemoryManagerBase {
public:
    bool NATIVE_METHOD AllocMemory(void** memory, unsigned long bytes) override { return (*memory = malloc(bytes)) != nullptr; }
    void NATIVE_METHOD FreeMemory(void** memory) override { free(*memory); *memory = nullptr; }
};

PlainMemory plain_memory;

void release(const Variant& value) {
    if (value.kind == native::kPwstr || value.kind == native::kBlob) free(value.wide.units);
}

}  // namespace

extern "C" {

bool loop_plain_memory(Host* self) { return self->component->setMemManager(static_cast<native::MemoryManagerBase*>(&plain_memory)); }

// Whether every call succeeded.
bool loop_get(Host* self, long long number, unsigned long long times) {
    bool good = true;
    for (; times; --times) {
        Variant value;
        std::memset(static_cast<void*>(&value), 0, sizeof value);
        good &= self->component->GetPropVal(static_cast<long>(number), &value);
        release(value);
    }
    return good;
}

bool loop_call(Host* self, long long number, Variant* params, long long count, unsigned long long times) {
    bool good = true;
    for (; times; --times) {
        Variant value;
        std::memset(static_cast<void*>(&value), 0, sizeof value);
        good &= self->component->CallAsFunc(static_cast<long>(number), &value, params, static_cast<long>(count));
        release(value);
    }
    return good;
}

// Looks each name up in turn; the sum of the numbers, so that nothing is left out.
long long loop_find(Host* self, const Unit* const* names, size_t count, unsigned long long times) {
    long long sum = 0;
    for (; times; --times)
        for (size_t name = 0; name < count; ++name) sum += self->component->FindProp(names[name]);
    return sum;
}

// Makes an object, initialises it, asks its name and ends it.
bool loop_live(const native::Exports* exports, const Unit* name, unsigned long long times) {
    host::Side* side = side_new();
    host::Connection connection(side);
    bool good = true;
    for (; times; --times) {
        native::ComponentBase* object = nullptr;
        Unit* extension = nullptr;
        good &= exports->class_object(name, &object) != 0;
        good &= object->Init(static_cast<native::ConnectionBase*>(&connection));
        good &= object->setMemManager(static_cast<native::MemoryManagerBase*>(&plain_memory));
        good &= object->RegisterExtensionAs(&extension);
        free(extension);
        object->Done();
        exports->destroy_object(&object);
    }
    side_delete(side);
    return good;
}

}  // extern "C"
