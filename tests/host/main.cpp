// A whole program around the simulated platform: loads a component, uses everything that it shows, ends it in
// each way. For memory checkers; exits with 1 and a sentence if the component does what it must not.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <thread>

#include "host.h"

namespace {

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "host: %s\n", what);
    std::exit(1);
}

void expect(bool good, const char* what) {
    if (!good) fail(what);
}

template <class Function> void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (!function) fail(name);
}

void release(host::Host& host, native::Variant& value) {
    if (value.kind == native::kPwstr || value.kind == native::kBlob) host.memory.release(value.wide.units);
}

void free_name(host::Host& host, const native::Unit* name, const char* what) {
    expect(name, what);
    size_t length = 0;
    while (name[length]) ++length;
    expect(length > 0, what);
    host.memory.release(const_cast<native::Unit*>(name));
}

// Reads and writes every property, looks every name up again, and calls every method without its arguments.
void use(host::Host& host) {
    native::ComponentBase& object = *host.component;
    native::Variant value;
    for (long number = 0; number < object.GetNProps(); ++number) {
        for (long alias = 0; alias < 2; ++alias) {
            const native::Unit* name = object.GetPropName(number, alias);
            expect(name && object.FindProp(name) == number, "a property is not found by its own name");
            free_name(host, name, "a property has no name");
        }
        std::memset(static_cast<void*>(&value), 0xAA, sizeof value);
        if (object.IsPropReadable(number)) expect(object.GetPropVal(number, &value), "a property cannot be read");
        if (object.IsPropReadable(number) && object.IsPropWritable(number)) object.SetPropVal(number, &value);
        if (object.IsPropReadable(number)) release(host, value);
    }
    for (long number = 0; number < object.GetNMethods(); ++number) {
        for (long alias = 0; alias < 2; ++alias) {
            const native::Unit* name = object.GetMethodName(number, alias);
            expect(name && object.FindMethod(name) == number, "a method is not found by its own name");
            free_name(host, name, "a method has no name");
        }
        long count = object.GetNParams(number);
        std::vector<native::Variant> params(static_cast<size_t>(count) + 1);
        for (long param = 0; param < count; ++param) {
            std::memset(static_cast<void*>(&value), 0xAA, sizeof value);
            if (object.GetParamDefValue(number, param, &value)) release(host, value);
            std::memset(static_cast<void*>(&params[static_cast<size_t>(param)]), 0, sizeof value);
        }
        // Left out, of a wrong type, and of none at all: no call may do more than fail. A method without
        // required arguments may look for a server, so those are for other tests.
        if (count == 0 || object.GetParamDefValue(number, 0, &value)) {
            if (count) release(host, value);
            continue;
        }
        std::memset(static_cast<void*>(&value), 0xAA, sizeof value);
        if (object.CallAsFunc(number, &value, params.data(), count)) release(host, value);
        object.CallAsProc(number, params.data(), count);
        params[0].kind = 0x7777;
        std::memset(static_cast<void*>(&value), 0xAA, sizeof value);
        if (object.CallAsFunc(number, &value, params.data(), count)) release(host, value);
    }
}

void live(const native::Exports& exports, bool memory_first, int how) {
    host::Host host(exports);
    expect(host.create(exports.class_names()), "the object is not created");
    auto* manager = static_cast<native::MemoryManagerBase*>(&host.memory);
    auto* connection = static_cast<native::ConnectionBase*>(&host.connection);
    if (memory_first) expect(host.component->setMemManager(manager), "setMemManager fails");
    expect(host.component->Init(connection), "Init fails");
    if (!memory_first) expect(host.component->setMemManager(manager), "setMemManager fails");
    native::Unit* name = nullptr;
    expect(host.component->RegisterExtensionAs(&name), "RegisterExtensionAs fails");
    free_name(host, name, "the extension has no name");
    static const native::Unit locale[] = {'r', 'u', '_', 'R', 'U', 0};
    host.component->SetLocale(locale);
    use(host);
    host.done();
    expect(host.destroy(how), "the object is not destroyed");
    expect(host.memory.live() == 0, "memory of the platform is lost");
    expect(host.memory.foreign_frees == 0, "memory is freed that is not the platform's");
    expect(host.memory.empty_requests == 0, "no bytes are asked for");
    expect(host.watch.late() == 0, "the platform is called after Done");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) fail("usage: host LIBRARY");
    void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) fail(dlerror());
    native::Exports exports;
    find(library, "GetClassNames", exports.class_names);
    find(library, "GetClassObject", exports.class_object);
    find(library, "DestroyObject", exports.destroy_object);
    find(library, "SetPlatformCapabilities", exports.set_capabilities);
    find(library, "GetAttachType", exports.attach_type);
    expect(exports.set_capabilities(3) == 3, "the capabilities are not 3");
    expect(exports.attach_type() == 3, "the attach type is not 3");
    for (int how = 0; how < 5; ++how) {
        live(exports, how % 2 == 0, how);
        std::printf("destroyed in way %d\n", how);
    }
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; ++number) threads.emplace_back([&, number] { live(exports, number % 2 == 0, number % 2); });
    for (std::thread& thread : threads) thread.join();
    std::printf("ended on four threads\n");
    dlclose(library);
    return 0;
}
