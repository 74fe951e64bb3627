// A whole program around the simulated platform: loads a component, uses everything that it shows, ends it in
// each way; and, when it is told where a server is, takes a seat there and opens an object. For memory checkers;
// exits with 1 and a sentence if the component does what it must not.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <thread>
#include <vector>

#include "shapes.h"

namespace {

using Text = std::u16string;

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
    if (value.kind == native::kPwstr || value.kind == native::kBlob) side_release(host.side, value.wide.units);
}

void free_name(host::Host& host, const native::Unit* name, const char* what) {
    expect(name, what);
    size_t length = 0;
    while (name[length]) ++length;
    expect(length > 0, what);
    side_release(host.side, const_cast<native::Unit*>(name));
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
    expect(side_live(host.side) == 0, "memory of the platform is lost");
    expect(side_foreign_frees(host.side) == 0, "memory is freed that is not the platform's");
    expect(side_empty_requests(host.side) == 0, "no bytes are asked for");
    expect(side_late_calls(host.side) == 0, "the platform is called after Done");
}

// --- with a server

Text wide(const char* ascii) { return Text(ascii, ascii + std::strlen(ascii)); }

native::Variant number(int32_t value) {
    native::Variant variant;
    std::memset(static_cast<void*>(&variant), 0, sizeof variant);
    variant.kind = native::kI4;
    variant.i4 = value;
    return variant;
}

// Lives as long as the text.
native::Variant text(Text& value) {
    native::Variant variant = number(0);
    variant.kind = native::kPwstr;
    variant.wide.units = reinterpret_cast<native::Unit*>(&value[0]);
    variant.wide.unit_count = static_cast<uint32_t>(value.size());
    return variant;
}

native::Variant date() {
    native::Variant variant = number(0);
    variant.kind = native::kTm;
    variant.tm.tm_year = 126;
    variant.tm.tm_mday = 2;
    return variant;
}

void set(host::Host& host, const char* name, native::Variant value) {
    Text wanted = wide(name);
    long found = host.component->FindProp(reinterpret_cast<const native::Unit*>(wanted.c_str()));
    expect(found >= 0 && host.component->SetPropVal(found, &value), name);
}

// Calls a method with these arguments, the others left out. Its answer is the caller's to release.
native::Variant call(host::Host& host, const char* name, std::vector<native::Variant> arguments) {
    Text wanted = wide(name);
    long found = host.component->FindMethod(reinterpret_cast<const native::Unit*>(wanted.c_str()));
    expect(found >= 0, name);
    long count = host.component->GetNParams(found);
    native::Variant empty = number(0);
    empty.kind = native::kEmpty;
    arguments.resize(static_cast<size_t>(count) + 1, empty);
    native::Variant answer;
    std::memset(static_cast<void*>(&answer), 0xAA, sizeof answer);
    expect(host.component->CallAsFunc(found, &answer, arguments.data(), count), name);
    return answer;
}

void succeed(host::Host& host, const char* name, std::vector<native::Variant> arguments = {}) {
    native::Variant answer = call(host, name, std::move(arguments));
    expect(answer.kind == native::kBool && answer.boolean, name);
}

// One session from Connect to Done, giving the licence back itself or leaving that to Done.
void work(const native::Exports& exports, int32_t port, const char* datafile, const char* object, int32_t session, bool release_it) {
    host::Host host(exports);
    expect(host.create(exports.class_names()), "the object is not created");
    expect(host.component->Init(static_cast<native::ConnectionBase*>(&host.connection)), "Init fails");
    expect(host.component->setMemManager(static_cast<native::MemoryManagerBase*>(&host.memory)), "setMemManager fails");
    Text address = wide("127.0.0.1"), series = wide("672B"), path = wide(datafile), name = wide(object);
    Text base = wide("Srvr=app;Ref=demo;"), user = wide("user"), computer = wide("PC"), application = wide("1CV8C");
    set(host, "ServerAddr", text(address));
    set(host, "ServerPort", number(port));
    set(host, "KeyID", text(series));
    succeed(host, "LoadDataFile", {text(path)});
    succeed(host, "SetSession", {text(base), number(session), date(), text(user), text(computer), text(application)});
    succeed(host, "Connect");
    succeed(host, "ObtainLicence");
    for (const char* method : {"ListObjects", "LicenceInfo", "ServerInfo", "Settings", "SessionFacts"}) {
        native::Variant answer = call(host, method, {});
        expect(answer.kind == native::kPwstr && answer.wide.unit_count > 0, method);
        release(host, answer);
    }
    native::Variant content = call(host, "GetObject", {text(name)});
    expect(content.kind == native::kBlob && content.narrow.byte_count > 0, "GetObject");
    release(host, content);
    Text out = path + wide(".out");
    succeed(host, "GetObjectToFile", {text(name), text(out)});
    if (release_it) {
        succeed(host, "ReleaseLicence");
        succeed(host, "Disconnect");
    }
    host.done();
    expect(host.destroy(0), "the object is not destroyed");
    expect(side_live(host.side) == 0, "memory of the platform is lost");
    expect(side_foreign_frees(host.side) == 0, "memory is freed that is not the platform's");
    expect(side_late_calls(host.side) == 0, "the platform is called after Done");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2 && count != 5) fail("usage: host LIBRARY [PORT DATAFILE OBJECT]");
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
    if (count == 5) {
        int32_t port = std::atoi(arguments[2]);
        for (int32_t session = 1; session < 4; ++session) work(exports, port, arguments[3], arguments[4], session, session == 1);
        std::printf("worked in three sessions\n");
        dlclose(library);
        return 0;
    }
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
