// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import TokenModels
import Torch
import TorchNN

/// Updates of a code book besides gradients: moving averages, and new vectors for dead codes.
final class CodeBookLearning {
  /// How often each code was chosen since the last restart, and in this epoch: `[V]` each.
  private(set) var recentUses: Tensor, epochUses: Tensor
  private let quantizer: VectorQuantizer
  private let options: VQTrainingOptions
  private let averages: Averages?

  /// Σ of the latents that chose each code and how many they were, both decaying.
  private struct Averages {
    let sums: Tensor, counts: Tensor  // [V, D], [V]
    let decay: Double
  }

  init(_ quantizer: VectorQuantizer, _ options: VQTrainingOptions) {
    (self.quantizer, self.options) = (quantizer, options)
    let book = quantizer.embedding.weight, codes = book.size(0)
    recentUses = .zeros([codes], device: book.device)
    epochUses = .zeros([codes], device: book.device)
    if case .movingAverage(let decay) = options.codeBook {
      averages = noGrad {
        Averages(
          sums: book.detach().to(.float32).clone(), counts: .ones([codes], device: book.device), decay: decay)
      }
    } else {
      averages = nil
    }
  }

  /// State to save to go on as if nothing had happened. The tensors are the live ones.
  var state: [(name: String, tensor: Tensor)] {
    [("codeBook.recentUses", recentUses), ("codeBook.epochUses", epochUses)]
      + (averages.map { [("codeBook.sums", $0.sums), ("codeBook.counts", $0.counts)] } ?? [])
  }

  /// Counts a batch's codes, and moves the averages. Latents `[N, D]`, codes `[N]`.
  func learn(latents: Tensor, codes: Tensor) {
    noGrad {
      let uses = epochUses.zerosLike().indexAdd(0, codes, .ones([codes.count], device: codes.device))
      recentUses.add_(uses)
      epochUses.add_(uses)
      guard let averages else { return }
      averages.counts.mul_(averages.decay)
      averages.counts.add_(uses, alpha: 1 - averages.decay)
      averages.sums.mul_(averages.decay)
      averages.sums.indexAdd_(0, codes, latents.detach().to(.float32) * (1 - averages.decay))
      // A code that was not chosen for long keeps its vector: a quotient of two vanishing numbers says nothing.
      let book = quantizer.embedding.weight, isKnown = (averages.counts .> 1e-5).unsqueeze(-1)
      let means = averages.sums / averages.counts.clamp(1e-5, nil).unsqueeze(-1)
      book.copy_(Tensor.select(isKnown, means, book.to(.float32)))
    }
  }

  /// Begins counting anew; returns how the code book was used since the last time.
  func finishEpoch() -> CodeUsage {
    defer { epochUses.zero_() }
    return CodeUsage(counts: epochUses.array(of: Double.self))
  }

  /// Gives every code a latent of this batch (as far as there are enough), if that is how training begins.
  func start(latents: Tensor) {
    if options.startsFromLatents { replace(Array(0..<recentUses.count), by: latents, step: 0) }
  }

  /// Gives dead codes latents of this batch, if it is time to.
  ///
  /// - Parameters:
  ///   - latents: `[N, D]`
  ///   - step: steps done.
  /// - Returns: the codes with new vectors.
  func restart(latents: Tensor, step: Int) -> [Int] {
    guard let restart = options.restart, step.isMultiple(of: restart.steps) else { return [] }
    let uses = recentUses.array(of: Double.self)
    recentUses.zero_()
    return replace(uses.indices.filter { uses[$0] < Double(restart.uses) }, by: latents, step: step)
  }

  /// Different latents for different codes: equal vectors would leave all but one dead again.
  @discardableResult
  private func replace(_ codes: [Int], by latents: Tensor, step: Int) -> [Int] {
    let replaced = Array(codes.prefix(latents.size(0)))
    guard !replaced.isEmpty else { return [] }
    var generator = CounterGenerator(options.seed, 0x7651, UInt64(step))
    let drawn = generator.draw(replaced.count, of: latents.size(0))
    noGrad {
      let book = quantizer.embedding.weight
      let rows = Tensor(replaced.map(Int64.init), device: book.device)
      let chosen = Tensor(drawn.map(Int64.init), device: book.device)
      let vectors = latents.detach().indexSelect(0, chosen)
      book.indexPut_([rows], vectors.to(book.dtype))
      averages?.sums.indexPut_([rows], vectors.to(.float32))
      averages?.counts.indexPut_([rows], .ones([replaced.count], device: book.device))
    }
    return replaced
  }
}
