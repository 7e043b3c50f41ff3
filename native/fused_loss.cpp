// SPDX-License-Identifier: Apache-2.0
// Last projection, cross entropy and distance terms as one differentiable operation.
//
// The projection runs over chunks of positions, so that [N, V] never exists, and every gradient is computed in the
// forward pass, while a chunk's logits are there: the total is linear in its upstream gradient, so backward only
// multiplies. Three matrix products per chunk remain, and one pass of ours over the logits between them.
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "accumulate.hpp"
#include "fused_loss.hpp"
#include "products.hpp"

using namespace ct;

namespace {
/// Gradients made in the forward pass, by the place of their input. Taken out by the last backward.
struct Made : torch::CustomClassHolder {
  std::vector<at::Tensor> gradients;

  /// upstream · gradient; the memory itself where nobody needs it any more.
  at::Tensor take(size_t i, double upstream) {
    auto &gradient = gradients[i];
    if (!gradient.defined()) return {};
    if (torch::autograd::get_current_graph_task_keep_graph()) return at::mul(gradient, upstream);
    if (upstream != 1) gradient.mul_(upstream);
    return std::move(gradient);
  }
};

const at::Tensor &value(const std::optional<at::Tensor> &t) {
  static const at::Tensor none;
  return t ? *t : none;
}

/// What a pass over the logits found: {total, sums}, and the gradients that were asked for by the place of their input.
struct Found {
  Pair values;
  std::vector<at::Tensor> gradients;

  Found(const Losses &losses, std::vector<at::Tensor> gradients) : gradients(std::move(gradients)) {
    auto found = losses.sums();
    auto total = at::empty({}, at::kFloat), sums = at::empty({static_cast<int64_t>(found.size()) - 1}, at::kDouble);
    *total.mutable_data_ptr<float>() = static_cast<float>(found[0]);
    std::copy(found.begin() + 1, found.end(), sums.mutable_data_ptr<double>());
    values = {total, sums};
  }

  /// The values, with the gradients kept for backward.
  variable_list keep(AutogradContext *context) && {
    auto made = c10::make_intrusive<Made>();
    made->gradients = std::move(gradients);
    auto [total, sums] = values;
    context->set_materialize_grads(false);
    context->mark_non_differentiable({sums});
    context->saved_data["made"] = c10::IValue::make_capsule(std::move(made));
    return {total, sums};
  }
};

c10::intrusive_ptr<Made> recall(AutogradContext *context) {
  refuseSecondOrder("loss");
  return c10::static_intrusive_pointer_cast<Made>(context->saved_data["made"].toCapsule());
}

// --- from hidden states --------------------------------------------------------------------------------------------

/// The projection and its transposes, in float32 whatever the weight's type: a half-precision weight is converted tile
/// by tile.
class Projection {
 public:
  Projection(const at::Tensor &weight, const at::Tensor &bias)
      : weight(weight.contiguous()), bias(bias.defined() ? bias.to(at::kFloat).contiguous() : bias) {
    bool whole = weight.scalar_type() == at::kFloat;
    tile = whole ? std::max<int64_t>(1, vocabulary()) : std::min<int64_t>(vocabulary(), 8192);
    if (!whole) room = at::empty({tile, weight.size(1)}, at::kFloat);
  }
  int64_t vocabulary() const { return weight.size(0); }

  /// logits = hidden Wᵀ + b
  void forward(const at::Tensor &hidden, at::Tensor logits) const {
    each([&](int64_t from, int64_t count, const at::Tensor &w) {
      auto out = logits.narrow(1, from, count);
      if (bias.defined()) at::addmm_out(out, bias.narrow(0, from, count), hidden, w.t());
      else productInto(out, hidden, w.t());
    });
  }

  /// hidden = gradient W
  void backward(const at::Tensor &gradient, at::Tensor hidden) const {
    each([&](int64_t from, int64_t count, const at::Tensor &w) {
      auto part = gradient.narrow(1, from, count);
      if (from == 0) productInto(hidden, part, w);
      else addProduct(hidden, part, w);
    });
  }

  at::Tensor row(int64_t token) const { return weight.select(0, token).to(at::kFloat).contiguous(); }
  float offset(int64_t token) const { return bias.defined() ? read(bias)[token] : 0; }

 private:
  at::Tensor weight, bias, room;
  int64_t tile;

  template <class Body> void each(Body body) const {
    for (int64_t from = 0; from < vocabulary(); from += tile) {
      int64_t count = std::min(tile, vocabulary() - from);
      auto rows = weight.narrow(0, from, count);
      body(from, count, room.defined() ? room.narrow(0, 0, count).copy_(rows) : rows);
    }
  }
};

/// Which gradients are asked for.
struct Wanted {
  bool hidden, weight, bias, contrast;
  bool any() const { return hidden || weight || bias || contrast; }
};

/// Positions whose logits are held at a time: 64 MiB of them, but enough for the matrix products to run well.
int64_t chunk(int64_t asked, int64_t rows, int64_t vocabulary) {
  if (asked > 0) return std::min(rows, asked);
  int64_t fitting = (int64_t(64) << 20) / (4 * std::max<int64_t>(1, vocabulary));
  return std::min(rows, std::max<int64_t>(64, fitting));
}

struct LinearLoss : torch::autograd::Function<LinearLoss> {
  static Found find(const at::Tensor &hidden, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                    const std::optional<at::Tensor> &contrast, const Plan &plan, int64_t asked, Wanted wanted,
                    const Buffers &buffers) {
    auto states = hidden.to(at::kFloat).contiguous();
    auto others = contrast ? contrast->to(at::kFloat).contiguous() : at::Tensor();
    Projection head(weight, value(bias));
    Losses losses(plan, states.size(0), head.vocabulary(), contrast ? others.size(0) : 0);
    const auto &k = kernels();
    losses.eachContrast([&](int64_t row, int64_t token, size_t order) {
      auto w = head.row(token);
      losses.contrastLogits[order] =
          static_cast<float>(k.dot(read(others) + row * w.numel(), read(w), w.numel())) + head.offset(token);
    });

    auto gh = wanted.hidden ? at::empty_like(states) : at::Tensor();
    auto gw = wanted.weight ? weightGradient(weight, buffers) : at::Tensor();
    auto gb = wanted.bias ? at::zeros({head.vocabulary()}, at::kFloat) : at::Tensor();
    auto gc = wanted.contrast ? at::zeros_like(others) : at::Tensor();
    run(losses, head, states, chunk(asked, states.size(0), head.vocabulary()), wanted.any(), gh, gw, gb);
    if (wanted.any()) addContrast(losses, head, others, gw, gb, gc);

    auto like = [](const at::Tensor &t, const at::Tensor &input) {
      return t.defined() ? t.to(input.scalar_type()) : t;
    };
    return {losses, {like(gh, hidden), like(gw, weight), like(gb, value(bias)), like(gc, value(contrast))}};
  }

  static variable_list forward(AutogradContext *context, const at::Tensor &hidden, const at::Tensor &weight,
                               const std::optional<at::Tensor> &bias, const std::optional<at::Tensor> &contrast,
                               const Plan &plan, int64_t chunk, Wanted wanted, const Buffers &buffers) {
    auto found = find(hidden, weight, bias, contrast, plan, chunk, wanted, buffers);
    context->save_for_backward({weight});
    save(context, buffers);
    return std::move(found).keep(context);
  }

  static variable_list backward(AutogradContext *context, variable_list upstream) {
    auto made = recall(context);
    auto weight = context->get_saved_variables()[0];  // also refuses a second backward over a freed graph
    auto buffers = restore(context);
    variable_list results(8);
    if (!upstream[0].defined()) return results;
    double u = upstream[0].item<double>();
    bool inPlace = made->gradients[1].defined() && buffers && bypass(weight);
    if (inPlace) accumulateWeight(*made, weight, u);
    for (size_t i = 0; i < made->gradients.size(); i++)
      if (i != 1 || !inPlace) results[i] = made->take(i, u);
    return results;
  }

 private:
  /// Memory for the weight's gradient in float32: what `weight.grad` will be, if that is possible.
  static at::Tensor weightGradient(const at::Tensor &weight, const Buffers &buffers) {
    if (weight.scalar_type() != at::kFloat || !buffers || !weight.is_leaf()) return at::empty(weight.sizes(), at::kFloat);
    return buffers->room(weight, weight.grad().defined());
  }

  static void accumulateWeight(Made &made, const at::Tensor &weight, double upstream) {
    auto &gradient = weight.mutable_grad();
    if (gradient.defined()) gradient.add_(made.gradients[1], upstream);
    else gradient = made.take(1, upstream);
  }

  static void run(Losses &losses, const Projection &head, const at::Tensor &states, int64_t size, bool derive,
                  const at::Tensor &gh, const at::Tensor &gw, const at::Tensor &gb) {
    int64_t rows = states.size(0), width = states.size(1), vocabulary = head.vocabulary();
    auto logits = at::empty({size, vocabulary}, at::kFloat), factors = at::empty({size, 1}, at::kFloat);
    auto scaled = gw.defined() ? at::empty({size, width}, at::kFloat) : gw;
    if (gw.defined() && rows == 0) gw.zero_();
    for (int64_t from = 0; from < rows; from += size) {
      int64_t count = std::min(size, rows - from);
      auto h = states.narrow(0, from, count), z = logits.narrow(0, 0, count), f = factors.narrow(0, 0, count);
      head.forward(h, z);
      float *pz = write(logits), *pf = write(factors);
      at::parallel_for(0, count, grain(vocabulary), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
          float *row = pz + i * vocabulary;
          pf[i] = losses.row(from + i, row, derive ? row : nullptr, false);
        }
      });
      if (gh.defined()) {
        auto part = gh.narrow(0, from, count);
        head.backward(z, part);
        part.mul_(f);
      }
      if (gw.defined()) {
        auto hf = scaled.narrow(0, 0, count);
        at::mul_out(hf, h, f);
        auto sum = gw;
        if (from == 0) productInto(sum, z.t(), hf);
        else addProduct(sum, z.t(), hf);
      }
      if (gb.defined()) gb.addmv_(z.t(), f.select(1, 0));
    }
  }

  /// The contrastive examples' logits are single products of a hidden state and a weight's row.
  static void addContrast(const Losses &losses, const Projection &head, const at::Tensor &others, const at::Tensor &gw,
                          const at::Tensor &gb, const at::Tensor &gc) {
    const auto &k = kernels();
    losses.eachContrast([&](int64_t row, int64_t token, size_t order) {
      float g = losses.contrastGradients[order];
      int64_t width = others.size(1);
      if (gc.defined()) k.axpy(g, read(head.row(token)), write(gc) + row * width, width);
      if (gw.defined()) k.axpy(g, read(others) + row * width, write(gw) + token * width, width);
      if (gb.defined()) write(gb)[token] += g;
    });
  }
};

// --- from logits -----------------------------------------------------------------------------------------------------

struct LogitsLoss : torch::autograd::Function<LogitsLoss> {
  static Found find(const at::Tensor &logits, const std::optional<at::Tensor> &contrast, const Plan &plan, bool derive,
                    bool deriveContrast) {
    auto z = logits.contiguous(), others = contrast ? contrast->contiguous() : at::Tensor();
    int64_t rows = z.size(0), vocabulary = z.size(1);
    Losses losses(plan, rows, vocabulary, contrast ? others.size(0) : 0);
    losses.eachContrast([&](int64_t row, int64_t token, size_t order) {
      losses.contrastLogits[order] = read(others)[row * vocabulary + token];
    });
    bool any = derive || deriveContrast;
    auto g = any ? at::empty_like(z) : at::Tensor();
    const float *pz = read(z);
    float *pg = write(g);
    at::parallel_for(0, rows, grain(vocabulary), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++)
        losses.row(i, pz + i * vocabulary, pg ? pg + i * vocabulary : nullptr, true);
    });
    auto gc = deriveContrast ? at::zeros_like(others) : at::Tensor();
    losses.eachContrast([&](int64_t row, int64_t token, size_t order) {
      if (gc.defined()) write(gc)[row * vocabulary + token] += losses.contrastGradients[order];
    });
    return {losses, {derive ? g : at::Tensor(), gc}};
  }

  static variable_list forward(AutogradContext *context, const at::Tensor &logits,
                               const std::optional<at::Tensor> &contrast, const Plan &plan, bool derive,
                               bool deriveContrast) {
    auto found = find(logits, contrast, plan, derive, deriveContrast);
    context->save_for_backward({});
    return std::move(found).keep(context);
  }

  static variable_list backward(AutogradContext *context, variable_list upstream) {
    auto made = recall(context);
    context->get_saved_variables();  // refuses a second backward over a freed graph
    variable_list results(5);
    if (!upstream[0].defined()) return results;
    double u = upstream[0].item<double>();
    for (size_t i = 0; i < made->gradients.size(); i++) results[i] = made->take(i, u);
    return results;
  }
};

void checkShapes(const LinearInputs &in) {
  const auto &[hidden, weight, bias, contrast] = in;
  TORCH_CHECK(hidden.dim() == 2 && weight.dim() == 2 && hidden.size(1) == weight.size(1), "loss: hidden ",
              hidden.sizes(), " and weight ", weight.sizes());
  TORCH_CHECK(!bias || (bias->dim() == 1 && bias->size(0) == weight.size(0)), "loss: a bias ", bias->sizes(),
              " for weight ", weight.sizes());
  TORCH_CHECK(!contrast || (contrast->dim() == 2 && contrast->size(1) == weight.size(1)), "loss: contrast states ",
              contrast->sizes(), " for weight ", weight.sizes());
}
}  // namespace

namespace ct {
Pair fusedLoss(const LinearInputs &in, const Plan &plan, int64_t chunk, bool mayRecord) {
  checkShapes(in);
  const auto &[hidden, weight, bias, contrast] = in;
  Wanted wanted{};
  if (mayRecord) wanted = {isRecorded(hidden), isRecorded(weight), isRecorded(bias), isRecorded(contrast)};
  if (!wanted.any()) return LinearLoss::find(hidden, weight, bias, contrast, plan, chunk, wanted, {}).values;
  auto both = LinearLoss::apply(hidden, weight, bias, contrast, plan, chunk, wanted, currentBuffers());
  return {both[0], both[1]};
}

Pair fusedLoss(const LogitsInputs &in, const Plan &plan, bool mayRecord) {
  const auto &[logits, contrast] = in;
  TORCH_CHECK(logits.dim() == 2, "loss: logits ", logits.sizes());
  TORCH_CHECK(!contrast || (contrast->dim() == 2 && contrast->size(1) == logits.size(1)), "loss: contrast logits ",
              contrast->sizes(), " for logits ", logits.sizes());
  bool derive = mayRecord && isRecorded(logits), deriveContrast = mayRecord && isRecorded(contrast);
  if (!derive && !deriveContrast) return LogitsLoss::find(logits, contrast, plan, false, false).values;
  auto both = LogitsLoss::apply(logits, contrast, plan, derive, deriveContrast);
  return {both[0], both[1]};
}
}  // namespace ct
