// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// The toy of `Tests/Fixtures/training/make.py`: embedding, one head of causal attention with a residual, RMSNorm and a
/// head of its own. With `dropout` the residual is thinned out while training.
final class Toy: Module, TokenModel {
  @Parameter("embedding") var embedding: Tensor
  @Parameter("head") var projection: Tensor
  @Parameter("bias") var bias: Tensor
  @Parameter("q") var logitRow: Tensor
  @Parameter("k") var key: Tensor
  @Parameter("v") var value: Tensor
  @Parameter("o") var output: Tensor
  @Parameter("norm") var norm: Tensor
  let dropout: Double
  /// Applied to the hidden states before the normalisation, to plant what should not be there.
  var poison: (Tensor) -> Tensor = { $0 }

  let vocabularySize = 16, hiddenSize: Int, contextLength = 64
  var head: OutputHead { OutputHead(weight: projection, bias: bias) }

  /// With the fixture's weights before training.
  init(dtype: DType = .float64, dropout: Double = 0) throws {
    (self.dropout, hiddenSize) = (dropout, 12)
    super.init()
    Torch.threads = 1  // of this test's thread: tests run side by side, and what is this small gains nothing by more
    for box in [$embedding, $projection, $bias, $logitRow, $key, $value, $output, $norm] {
      box.tensor = try Fixture.toy("initial." + box.key).to(dtype)
    }
  }

  /// Wider, with weights drawn from a seed.
  init(width: Int, dtype: DType) throws {
    (dropout, hiddenSize) = (0, width)
    super.init()
    Torch.threads = 1
    let random = Generator(seed: 7)
    for box in [$embedding, $projection, $bias, $logitRow, $key, $value, $output, $norm] {
      let shape =
        switch box.key {
        case "embedding", "head": [vocabularySize, width]
        case "bias": [vocabularySize]
        case "norm": [width]
        default: [width, width]
        }
      box.tensor = (Tensor.randn(shape, generator: random) * 0.1 + (box.key == "norm" ? 1 : 0)).to(dtype)
    }
  }

  func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let x = embedding.embedding(input.ids)
    let heads = [logitRow, key, value].map { x.linear($0).unsqueeze(1) }
    let mask = input.documents.map { AttentionMask.packed($0, length: x.size(1), device: x.device) }
    let attended = scaledDotProductAttention(heads[0], heads[1], heads[2], mask: mask, causal: mask == nil)
      .squeeze(1).linear(output)
    let mixed = poison(x + attended.dropout(dropout, training: isTraining)).rmsNorm(norm, eps: 1e-6)
    return rows.map { mixed.flatten(0, 1).indexSelect(0, $0) } ?? mixed
  }

  func makeCache(batch: Int, capacity: Int) -> KeyValueCache { preconditionFailure("the toy has no cache") }
}
