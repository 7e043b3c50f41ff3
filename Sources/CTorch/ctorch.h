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

// --- boxed dispatch: any ATen operator by name and overload -----------------------------------------------------
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
int ct_grad_of(const ct_tensor _Nonnull *_Nonnull outputs, const ct_tensor _Nullable *_Nonnull seeds, size_t nout,
               const ct_tensor _Nonnull *_Nonnull inputs, size_t nin, bool retain, bool create_graph,
               ct_tensor _Nullable *_Nonnull out);       // owned, null where unused
ct_tensor _Nullable ct_grad(ct_tensor _Nonnull t);       // owned
int ct_set_grad(ct_tensor _Nonnull t, ct_tensor _Nullable g);

// A differentiable function made of two callbacks. They write *owned* handles to out and return 0, or non-zero after
// ct_set_error. backward receives inputs, outputs, then the outputs' gradients (null where none), and writes the
// gradients of the inputs. drop(context) runs once, when the graph node dies.
typedef int (*ct_closure)(void *_Nonnull context, const ct_tensor _Nullable *_Nonnull in, size_t nin,
                          ct_tensor _Nullable *_Nonnull out, size_t nout);
int ct_custom(ct_closure _Nonnull forward, ct_closure _Nonnull backward, void (*_Nonnull drop)(void *_Nonnull),
              void *_Nonnull context, const ct_tensor _Nullable *_Nonnull in, size_t nin,
              ct_tensor _Nullable *_Nonnull out, size_t nout);

// --- fused kernels, float32 on the CPU, with exact backward --------------------------------------------------------
// Instruction set of this thread's kernels: "baseline", "avx2", "avx512"; "plain" asks callers to use ATen instead,
// "best" undoes a choice. False if this machine or build does not have the level.
const char *_Nonnull ct_kernel_level(void);
bool ct_set_kernel_level(const char *_Nonnull name);
// x / rms(x) * weight over the last dimension; with a residual of x's shape, of sum = x + residual (also returned).
int ct_rms_norm(ct_tensor _Nonnull x, ct_tensor _Nullable residual, ct_tensor _Nonnull weight, double epsilon,
                ct_tensor _Nullable *_Nonnull sum, ct_tensor _Nullable *_Nonnull out);
// Rotary embedding of [B, T, heads, D] by cosines and sines [T, half] or [B, T, half]; pairs are (j, j + half), or
// neighbours (2j, 2j + 1).
int ct_rotate(ct_tensor _Nonnull query, ct_tensor _Nonnull key, ct_tensor _Nonnull cosine, ct_tensor _Nonnull sine,
              bool neighbours, ct_tensor _Nullable *_Nonnull rotated_query, ct_tensor _Nullable *_Nonnull rotated_key);
// silu(gate) * up; without up, gate holds both halves side by side in its last dimension.
int ct_swiglu(ct_tensor _Nonnull gate, ct_tensor _Nullable up, ct_tensor _Nullable *_Nonnull out);
// (silu(gate) * up) weight^T; the product in brackets is made again in the backward pass instead of being kept.
int ct_gated_linear(ct_tensor _Nonnull gate, ct_tensor _Nonnull up, ct_tensor _Nonnull weight,
                    ct_tensor _Nullable *_Nonnull out);

// Losses of supervised positions, with gradients computed in the same pass. Tables are contiguous CPU tensors.
typedef struct {                                         // one distance term, at n positions that are rated alike
  double coefficient;                                    // alpha
  bool vocabulary;                                       // softmax over the whole vocabulary, not the candidates alone
  bool reverse;                                          // KL(model || target) instead of KL(target || model)
  ct_tensor _Nonnull candidates;                         // int64 [M] token ids
  ct_tensor _Nonnull rows, weights, targets;             // [n]: int64 rows of the logits, float64, int64 rows of p
  ct_tensor _Nullable p, log_p;                          // float64 [R, K]; K = M, or M + 1 with contrastive tokens
  ct_tensor _Nullable contrastive_tokens;               // int64 [n] one candidate more at each position, or null
  ct_tensor _Nullable contrastive_rows;                 // int64 [n] contrast rows that rate it; null: the own row
  // Instead of p and log_p: p(v) ~ exp(-sharpness[x] |e(v) - e(x)|^2) around candidate x, which targets then names.
  ct_tensor _Nullable vectors;                           // float32 [D, M], a column per candidate
  ct_tensor _Nullable sharpness;                         // float64 [M]
} ct_candidate_term;
typedef struct {
  ct_tensor _Nonnull labels;                             // int64 [N], one per row; -100 has no cross entropy
  double cross_entropy_scale;                            // of each row
  double label_smoothing;                                // over the whole vocabulary
  const ct_candidate_term *_Nullable terms;
  size_t term_count;
  int64_t chunk;                                         // rows whose logits are held at a time; 0: as memory suggests
} ct_loss_plan;
// total: a differentiable float32 scalar; sums [1 + terms] float64: cross entropy times its scale, then each term's
// sum of weight times divergence. hidden [N, H], weight [V, H], bias [V], contrast [C, H]: float32, bfloat16 or
// float16.
int ct_linear_loss(ct_tensor _Nonnull hidden, ct_tensor _Nonnull weight, ct_tensor _Nullable bias,
                   ct_tensor _Nullable contrast, const ct_loss_plan *_Nonnull plan, ct_tensor _Nullable *_Nonnull total,
                   ct_tensor _Nullable *_Nonnull sums);
// The same for logits [N, V] and contrast logits [C, V], float32.
int ct_logits_loss(ct_tensor _Nonnull logits, ct_tensor _Nullable contrast, const ct_loss_plan *_Nonnull plan,
                   ct_tensor _Nullable *_Nonnull total, ct_tensor _Nullable *_Nonnull sums);

// --- AdamW with 8-bit moments, float32 on the CPU -----------------------------------------------------------------
typedef struct {                                         // codes of numbers in [-1, 1] or [0, 1]
  ct_tensor _Nonnull values, limits;                     // float32 [256]
  ct_tensor _Nonnull cells;                              // int32, by the upper 16 bits of a magnitude, from first_cell
  int32_t first_cell, zero;                              // zero: the code of 0
} ct_code_map;
typedef struct {                                         // correction: 1 - beta^step
  double learning_rate, weight_decay, beta1, beta2, correction1, correction2, epsilon, gradient_factor;
} ct_adamw_step;
// Changes values and moments: uint8 codes of the values' count, float32 scales of a 256th of it, rounded up.
int ct_adamw8(ct_tensor _Nonnull values, ct_tensor _Nonnull gradient, ct_tensor _Nonnull first_codes,
              ct_tensor _Nonnull first_scales, ct_tensor _Nonnull second_codes, ct_tensor _Nonnull second_scales,
              const ct_code_map *_Nonnull first_map, const ct_code_map *_Nonnull second_map,
              const ct_adamw_step *_Nonnull step);

// --- weight gradients in place -------------------------------------------------------------------------------------
typedef struct ct_buffers_s *ct_buffers;                 // memory of gradients, kept from step to step
ct_buffers _Nonnull ct_buffers_new(void);
void ct_buffers_free(ct_buffers _Nullable b);
int64_t ct_buffers_bytes(ct_buffers _Nonnull b);
ct_buffers _Nullable ct_buffers_enter(ct_buffers _Nullable b);  // for this thread; returns the previous ones
// Any dtype and device. Between ct_buffers_enter's, backward() adds a leaf weight's gradient into weight.grad itself.
int ct_linear(ct_tensor _Nonnull x, ct_tensor _Nonnull weight, ct_tensor _Nullable bias,
              ct_tensor _Nullable *_Nonnull out);
// Several layers of one input: its gradient is summed inside the matrix products.
int ct_linears(ct_tensor _Nonnull x, const ct_tensor _Nonnull *_Nonnull weights,
               const ct_tensor _Nullable *_Nonnull biases, size_t count, ct_tensor _Nullable *_Nonnull out);
int ct_embedding(ct_tensor _Nonnull weight, ct_tensor _Nonnull ids, ct_tensor _Nullable *_Nonnull out);

// --- random numbers ---------------------------------------------------------------------------------------------
int ct_generator_new(int8_t device_type, int8_t device_index, uint64_t seed, ct_generator _Nullable *_Nonnull out);
int ct_generator_default(int8_t device_type, int8_t device_index, ct_generator _Nullable *_Nonnull out);
void ct_generator_free(ct_generator _Nullable g);
int ct_generator_state(ct_generator _Nonnull g, ct_tensor _Nullable *_Nonnull out);  // uint8 CPU tensor, owned
int ct_generator_set_state(ct_generator _Nonnull g, ct_tensor _Nonnull state);
int ct_manual_seed(uint64_t seed);                       // the default generators of every device

// --- process-wide -----------------------------------------------------------------------------------------------
void ct_set_num_threads(int n);
int ct_get_num_threads(void);
const char *_Nonnull ct_version(void);                   // of the libtorch loaded at run time, "2.13.0"
const char *_Nonnull ct_built_version(void);             // of the headers this library was compiled with
const char *_Nonnull ct_cpu_capability(void);            // "AVX512", "AVX2", "DEFAULT": what ATen dispatches to
const char *_Nonnull ct_torch_folder(void);              // the torch folder of the libtorch in use
const char *_Nonnull ct_library_folder(void);            // where this library lies
void ct_keep_memory(void);                               // keep freed memory for reuse instead of returning it
int ct_cuda_load(void);                                  // loads libtorch_cuda if it is there
int ct_cuda_device_count(void);                          // 0 without CUDA or before ct_cuda_load
#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
