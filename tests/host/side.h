// The platform's side of a simulated host, free of class layouts: what `shapes.cpp`, compiled as the platform is, asks
// of `side.cpp`, compiled as the tests are. Only C functions stand between the two.
#pragma once

#include <cstddef>
#include <cstdint>

namespace host {
struct Side;
}

extern "C" {

host::Side* side_new();
void side_delete(host::Side* side);

// --- what the platform does when the component calls it

bool side_alloc(host::Side* side, void** memory, unsigned long bytes);
void side_free(host::Side* side, void* memory);
// The platform frees what the component gave it.
void side_release(host::Side* side, void* memory);
void side_add_error(host::Side* side, int code, const uint16_t* source, const uint16_t* text, long long raise);
void side_set_depth(host::Side* side, long long depth);
long long side_depth(host::Side* side);
bool side_add_event(host::Side* side, const uint16_t* source, const uint16_t* message, const uint16_t* data);
void side_clean_events(host::Side* side);
// Any other call: it is only counted when it comes too late.
void side_call(host::Side* side);
// Whether the platform has the interface of platform information.
bool side_interface(host::Side* side);
// What the platform tells of itself; false gives no structure.
bool side_platform_info(host::Side* side, const uint16_t** version, int* application);

// --- what the platform is told to do, and what it counted

// Init comes, or comes again; Done came.
void side_again(host::Side* side);
void side_done(host::Side* side);
// How many allocations go through before one is refused, negative for none ever; `lie` says true and leaves null.
void side_refuse_after(host::Side* side, long long count, bool lie);
long long side_live(host::Side* side);
long long side_allocations(host::Side* side);
long long side_foreign_frees(host::Side* side);
long long side_empty_requests(host::Side* side);
// Calls that came or still ran after the object's Done.
long long side_late_calls(host::Side* side);
long long side_interface_calls(host::Side* side);
void side_platform(host::Side* side, const uint16_t* version, int application, bool present, bool no_info);
long long side_error_count(host::Side* side);
void side_error(host::Side* side, long long number, int* code, const uint16_t** source, const uint16_t** text, long long* raise);
// Called inside AddError, as a platform that shows a dialog calls back into 1C code.
void side_on_error(host::Side* side, void (*callback)(void*), void* context);
// Waits until there are so many events; how many there are.
long long side_wait_events(host::Side* side, long long count, long long milliseconds);
void side_event(host::Side* side, long long number, const uint16_t** source, const uint16_t** message, const uint16_t** data);

}  // extern "C"
