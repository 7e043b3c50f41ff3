// SPDX-License-Identifier: Apache-2.0
import TorchNN

/// Groups sequences into batches that a model reads at once: those of like length together, so that little is padding.
///
/// - Parameters:
///   - lengths: tokens of each sequence, room for what will be generated included.
///   - tokenBudget: largest number of tokens of a batch, padding included. A sequence longer than that gets a batch of
///     its own. Memory grows with it; time per token falls until the processor is busy.
///   - busy: tokens that keep the processor busy. A batch of so many takes no sequence that would be padded by more
///     than an eighth. Nil fills the batches, which is right where each is followed by many small steps.
/// - Returns: indices into `lengths`, each exactly once, longest first: what does not fit memory fails at the start.
public func batches(of lengths: [Int], tokenBudget: Int, busy: Int? = nil) -> [[Int]] {
  let order = lengths.indices.sorted { (-lengths[$0], $0) < (-lengths[$1], $1) }
  var batches = [[Int]]()
  for index in order {
    // The first of a batch is its longest.
    if let batch = batches.last, (batch.count + 1) * lengths[batch[0]] <= tokenBudget,
      !isPaddingDear(batch.count, longest: lengths[batch[0]], next: lengths[index], busy: busy)
    {
      batches[batches.count - 1].append(index)
    } else {
      batches.append([index])
    }
  }
  return batches
}

/// As ``batches(of:tokenBudget:busy:)``, but sequences that the model computes in two ways
/// (``TokenModel/switchingLength``) never share a batch: a result may not depend on what else is asked.
///
/// - Parameters:
///   - lengths: tokens that a batch has to hold of each sequence.
///   - read: tokens of each sequence that are read as one.
func batches(
  of lengths: [Int], read: [Int], by model: any TokenModel, tokenBudget: Int, busy: Int? = nil
) -> [[Int]] {
  guard let limit = model.switchingLength else { return batches(of: lengths, tokenBudget: tokenBudget, busy: busy) }
  let kinds = [read.indices.filter { read[$0] > limit }, read.indices.filter { read[$0] <= limit }]
  return kinds.flatMap { kind in
    batches(of: kind.map { lengths[$0] }, tokenBudget: tokenBudget, busy: busy).map { $0.map { kind[$0] } }
  }
}

/// Tokens of a pass that keep two cores as busy as more would.
let busyPass = 1024

/// Neighbouring sequences that are worth a pass of their own, since padding them all to one length costs more.
func runs(of lengths: [Int], busy: Int = busyPass) -> [Range<Int>] {
  var runs = [Range<Int>](), longest = 0
  for (index, length) in lengths.enumerated() {
    if let run = runs.last, !isPaddingDear(run.count, longest: longest, next: length, busy: busy) {
      runs[runs.count - 1] = run.lowerBound..<index + 1
      longest = max(longest, length)
    } else {
      runs.append(index..<index + 1)
      longest = length
    }
  }
  return runs
}

/// Whether a batch keeps the processor busy already, and the next sequence would be padded by more than an eighth.
private func isPaddingDear(_ count: Int, longest: Int, next: Int, busy: Int?) -> Bool {
  busy.map { count * longest >= $0 && 8 * next < 7 * longest } ?? false
}
