// SPDX-License-Identifier: Apache-2.0
// Plain C surface over libtorch: no torch or C++ type crosses it, so that Swift (or any other language) can call it.
//
// Conventions
//  - A function returning int gives 0 for success, otherwise ct_last_error() holds the message of this thread.
//  - `ct_tensor` owns one reference; functions documented "owned" hand that reference to the caller, who gives it
//    back with ct_release. A null handle stands for "no tensor" (None in torch's schemas).
//  - Nothing here throws, and no C++ exception leaves the library.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if !defined(__clang__)  // for Swift, which reads this by clang; GCC has no such words
#define _Nonnull
#define _Nullable
#endif
#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_s *ct_tensor;        // one reference to a c10::TensorImpl
typedef const struct ct_op_s *ct_op;          // a resolved operator; lives for ever
typedef struct ct_frame_s *ct_frame;          // the arguments, then the results, of one call
typedef struct ct_generator_s *ct_generator;  // a seeded random number generator

// --- errors -------------------------------------------------------------------------------------------------
const char *_Nonnull ct_last_error(void);
void ct_set_error(const char *_Nonnull message);
// Error scopes of this thread. Inside one, ct_scope_record keeps the first message and returns true.
void ct_scope_enter(void);
bool ct_scope_record(const char *_Nonnull message);
bool ct_scope_failed(void);  // whether something was recorded since the scope was entered
bool ct_scope_leave(void);  // true if something was recorded: the message is then in ct_last_error()
// For tests: the call into libtorch after `calls` others on this thread fails; a negative number ends that.
void ct_fail_after(int64_t calls);
int64_t ct_calls_until_failure(void);  // negative once it has failed

// --- boxed dispatch: any operator, ATen's or ours, by name and overload -----------------------------------------------------
ct_op _Nullable ct_op_find(const char *_Nonnull name, const char *_Nonnull overload);
const char *_Nonnull ct_op_schema(ct_op _Nonnull op);
ct_frame _Nonnull ct_begin(ct_op _Nonnull op);
void ct_push_tensor(ct_frame _Nonnull f, ct_tensor _Nullable t);
void ct_push_tensors(ct_frame _Nonnull f, const ct_tensor _Nullable *_Nullable t, size_t n);
void ct_push_int(ct_frame _Nonnull f, int64_t v);
void ct_push_ints(ct_frame _Nonnull f, const int64_t *_Nullable v, size_t n);
void ct_push_double(ct_frame _Nonnull f, double v);
void ct_push_doubles(ct_frame _Nonnull f, const double *_Nullable v, size_t n);
void ct_push_bool(ct_frame _Nonnull f, bool v);
void ct_push_bools(ct_frame _Nonnull f, const bool *_Nullable v, size_t n);
void ct_push_string(ct_frame _Nonnull f, const char *_Nonnull s);
void ct_push_dtype(ct_frame _Nonnull f, int8_t scalar_type);
void ct_push_device(ct_frame _Nonnull f, int8_t type, int8_t index);
void ct_push_generator(ct_frame _Nonnull f, ct_generator _Nonnull g);
void ct_push_none(ct_frame _Nonnull f);
void ct_push_default(ct_frame _Nonnull f);               // the schema's default for this argument
int ct_call(ct_frame _Nonnull f);                        // missing trailing arguments take their defaults
size_t ct_out_count(ct_frame _Nonnull f);
ct_tensor _Nullable ct_out_tensor(ct_frame _Nonnull f, size_t i);  // owned
int64_t ct_out_int(ct_frame _Nonnull f, size_t i);
double ct_out_double(ct_frame _Nonnull f, size_t i);
bool ct_out_bool(ct_frame _Nonnull f, size_t i);
size_t ct_out_list_count(ct_frame _Nonnull f, size_t i);
ct_tensor _Nullable ct_out_list_tensor(ct_frame _Nonnull f, size_t i, size_t k);  // owned
void ct_end(ct_frame _Nonnull f);

// --- tensors ----------------------------------------------------------------------------------------------------
// Copies nbytes into a new contiguous CPU tensor.
int ct_from_bytes(const void *_Nullable p, size_t nbytes, const int64_t *_Nullable shape, size_t nd, int8_t scalar_type,
                  ct_tensor _Nullable *_Nonnull out);
// Wraps memory without copying; drop(context) runs once: when the last view of it dies, or at once on failure.
int ct_from_memory(void *_Nonnull p, const int64_t *_Nullable shape, size_t nd, int8_t scalar_type,
                   void (*_Nonnull drop)(void *_Nullable), void *_Nullable context, ct_tensor _Nullable *_Nonnull out);
int ct_copy_out(ct_tensor _Nonnull t, void *_Nullable dst, size_t nbytes);  // from any device, in row-major order
// The same values on another device. From the CPU to a GPU by pinned memory, without waiting.
int ct_upload(ct_tensor _Nonnull t, int8_t device_type, int8_t device_index, ct_tensor _Nullable *_Nonnull out);
void ct_retain(ct_tensor _Nonnull t);
void ct_release(ct_tensor _Nullable t);
size_t ct_dim(ct_tensor _Nullable t);
int64_t ct_size(ct_tensor _Nullable t, size_t d);
int64_t ct_stride(ct_tensor _Nullable t, size_t d);
int8_t ct_dtype(ct_tensor _Nullable t);
int8_t ct_device_type(ct_tensor _Nullable t);
int8_t ct_device_index(ct_tensor _Nullable t);
bool ct_is_contiguous(ct_tensor _Nullable t);
void *_Nullable ct_data(ct_tensor _Nonnull t);           // CPU memory; null for other devices
int64_t ct_use_count(ct_tensor _Nonnull t);
int ct_item_double(ct_tensor _Nonnull t, double *_Nonnull out);
int ct_item_int(ct_tensor _Nonnull t, int64_t *_Nonnull out);

// --- autograd ---------------------------------------------------------------------------------------------------
bool ct_grad_enabled(void);                              // of this thread
void ct_set_grad_enabled(bool on);
bool ct_inference_enabled(void);
void *_Nonnull ct_inference_enter(void);                 // inference mode until ct_inference_leave(guard)
void ct_inference_leave(void *_Nonnull guard);
int ct_set_requires_grad(ct_tensor _Nonnull t, bool on);
bool ct_requires_grad(ct_tensor _Nonnull t);
bool ct_is_leaf(ct_tensor _Nonnull t);
int ct_backward(const ct_tensor _Nonnull *_Nonnull outputs, const ct_tensor _Nullable *_Nonnull seeds, size_t n,
                bool retain);
bool ct_backward_accumulates(void);                      // whether this thread is inside a backward into .grad
bool ct_backward_keeps_graph(void);                      // whether that backward may be run again
int ct_grad_of(const ct_tensor _Nonnull *_Nonnull outputs, const ct_tensor _Nullable *_Nonnull seeds, size_t nout,
               const ct_tensor _Nonnull *_Nonnull inputs, size_t nin, bool retain, bool create_graph,
               ct_tensor _Nullable *_Nonnull out);       // owned, null where unused
ct_tensor _Nullable ct_grad(ct_tensor _Nonnull t);       // owned
int ct_set_grad(ct_tensor _Nonnull t, ct_tensor _Nullable g);
// Calls fire(context), on backward's thread, each time that a backward has completed the gradient of a leaf, also where an
// operator of ours wrote it into weight.grad itself. fire gives 0, or non-zero after ct_set_error. drop runs once.
typedef struct ct_hook_s *ct_hook;
int ct_hook_add(ct_tensor _Nonnull leaf, int (*_Nonnull fire)(void *_Nonnull), void (*_Nonnull drop)(void *_Nonnull),
                void *_Nonnull context, ct_hook _Nullable *_Nonnull out);
void ct_hook_remove(ct_hook _Nullable h);

// A differentiable function made of two callbacks. They write *owned* handles to out and return 0, or non-zero after
// ct_set_error. backward receives inputs, outputs, then the outputs' gradients (null where none), and writes the
// gradients of the inputs. drop(context) runs once, when the graph node dies.
typedef int (*ct_closure)(void *_Nonnull context, const ct_tensor _Nullable *_Nonnull in, size_t nin,
                          ct_tensor _Nullable *_Nonnull out, size_t nout);
int ct_custom(ct_closure _Nonnull forward, ct_closure _Nonnull backward, void (*_Nonnull drop)(void *_Nonnull),
              void *_Nonnull context, const ct_tensor _Nullable *_Nonnull in, size_t nin,
              ct_tensor _Nullable *_Nonnull out, size_t nout);

// --- our kernels ------------------------------------------------------------------------------------------------
// They are operators of torch's dispatcher, dist2::NAME, and called by ct_call like ATen's; native/*.cpp has schemas.
// Instruction set of this thread's kernels: "baseline", "avx2", "avx512"; "plain" asks callers to use ATen instead,
// "best" undoes a choice. False if this machine or build does not have the level.
const char *_Nonnull ct_kernel_level(void);
bool ct_set_kernel_level(const char *_Nonnull name);

// --- weight gradients in place -------------------------------------------------------------------------------------
typedef struct ct_buffers_s *ct_buffers;                 // memory of gradients, kept from step to step
ct_buffers _Nonnull ct_buffers_new(bool keeps);          // or new for each gradient, and gone with it
void ct_buffers_free(ct_buffers _Nullable b);
int64_t ct_buffers_bytes(ct_buffers _Nonnull b);
// The weight's gradient is written into this memory, of its shape and type, as long as nobody else holds the gradient.
int ct_buffers_bind(ct_buffers _Nonnull b, ct_tensor _Nonnull weight, ct_tensor _Nonnull memory);
// For this thread: until the next ct_buffers_enter, backward() adds the weight gradients of dist2::linear, linears,
// gated_linear, embedding and linear_cross_entropy_distance into weight.grad itself. Returns the previous ones.
ct_buffers _Nullable ct_buffers_enter(ct_buffers _Nullable b);

// --- random numbers ---------------------------------------------------------------------------------------------
int ct_generator_new(int8_t device_type, int8_t device_index, uint64_t seed, ct_generator _Nullable *_Nonnull out);
int ct_generator_default(int8_t device_type, int8_t device_index, ct_generator _Nullable *_Nonnull out);
void ct_generator_free(ct_generator _Nullable g);
int ct_generator_state(ct_generator _Nonnull g, ct_tensor _Nullable *_Nonnull out);  // uint8 CPU tensor, owned
int ct_generator_set_state(ct_generator _Nonnull g, ct_tensor _Nonnull state);
int ct_manual_seed(uint64_t seed);                       // the default generators of every device

// --- several processes -------------------------------------------------------------------------------------------
// A store of keys that one process serves, and collectives of c10d's Gloo over CPU tensors.
typedef struct ct_store_s *ct_store;
typedef struct ct_group_s *ct_group;
typedef struct ct_work_s *ct_work;                       // a collective under way
// Connects within a limit to the store at a place, which is opened there first if this process serves it (port 0: at a
// port that is free).
int ct_store_open(const char *_Nonnull host, uint16_t port, bool serves, int64_t limit_ms,
                  ct_store _Nullable *_Nonnull out);
uint16_t ct_store_port(ct_store _Nonnull s);
void ct_store_close(ct_store _Nullable s);
int ct_store_set(ct_store _Nonnull s, const char *_Nonnull key, const void *_Nonnull bytes, size_t n);
int ct_store_has(ct_store _Nonnull s, const char *_Nonnull key, bool *_Nonnull out);
// Waits for a key, and gives its bytes, which free() takes.
int ct_store_get(ct_store _Nonnull s, const char *_Nonnull key, int64_t limit_ms, void *_Nullable *_Nonnull bytes,
                 size_t *_Nonnull n);
int ct_store_add(ct_store _Nonnull s, const char *_Nonnull key, int64_t amount, int64_t *_Nonnull out);
// Connects all processes with each other; limits of joining, and of each collective afterwards.
int ct_group_make(ct_store _Nonnull s, const char *_Nonnull prefix, int rank, int size, int64_t join_ms, int64_t limit_ms,
                  ct_group _Nullable *_Nonnull out);
void ct_group_free(ct_group _Nullable g);                // waits for collectives under way
// Each begins a collective, in the same order in all processes, with tensors of the same size and type.
int ct_group_sum(ct_group _Nonnull g, ct_tensor _Nonnull t, ct_work _Nullable *_Nonnull out);  // in place
int ct_group_broadcast(ct_group _Nonnull g, ct_tensor _Nonnull t, int root, ct_work _Nullable *_Nonnull out);
int ct_group_gather(ct_group _Nonnull g, ct_tensor _Nonnull own, ct_tensor _Nonnull all, ct_work _Nullable *_Nonnull out);
// Of P equal parts of `parts` the r-th goes to process r; `received` has what all processes have for this one, by rank.
int ct_group_exchange(ct_group _Nonnull g, ct_tensor _Nonnull parts, ct_tensor _Nonnull received,
                      ct_work _Nullable *_Nonnull out);
int ct_work_wait(ct_work _Nonnull w);
void ct_work_free(ct_work _Nullable w);

// --- process-wide -----------------------------------------------------------------------------------------------
void ct_set_num_threads(int n);
void ct_limit_spinning(void);                            // waiting threads sleep at once; libgomp alone
int ct_get_num_threads(void);
const char *_Nonnull ct_version(void);                   // of the libtorch loaded at run time, "2.13.0"
const char *_Nonnull ct_built_version(void);             // of the headers this library was compiled with
const char *_Nonnull ct_cpu_capability(void);            // "AVX512", "AVX2", "DEFAULT": what ATen dispatches to
const char *_Nonnull ct_torch_folder(void);              // the torch folder of the libtorch in use
const char *_Nonnull ct_library_folder(void);            // where this library lies
void ct_keep_memory(void);                               // keep freed memory for reuse instead of returning it
int ct_cuda_load(void);                                  // loads libtorch_cuda if it is there
int ct_cuda_device_count(void);                          // 0 without CUDA or before ct_cuda_load
void ct_set_deterministic(bool on);                      // algorithms that give the same bits, where torch has some
bool ct_deterministic(void);

// --- a device for tests that stands in for a GPU (DIST2_STAND_IN=1): native/stand_in.cpp -------------------------------
bool ct_stand_in(void);                                  // whether this process has it: device type 20, index 0
const char *_Nonnull ct_stand_in_waits(void);            // lines "WHAT COUNT": what a GPU would have been waited for
void ct_stand_in_forget(void);                           // counts from 0 again
#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
