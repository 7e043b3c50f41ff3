/// Groups sequences into batches that a model reads at once: those of like length together, so that little is padding.
///
/// - Parameters:
///   - lengths: tokens of each sequence, room for what will be generated included.
///   - tokenBudget: largest number of tokens of a batch, padding included. A sequence longer than that gets a batch of
///     its own. Memory grows with it; time per token falls until the processor is busy.
/// - Returns: indices into `lengths`, each exactly once, longest first: what does not fit memory fails at the start.
public func batches(of lengths: [Int], tokenBudget: Int) -> [[Int]] {
  let order = lengths.indices.sorted { (-lengths[$0], $0) < (-lengths[$1], $1) }
  var batches = [[Int]]()
  for index in order {
    // The first of a batch is its longest.
    if let batch = batches.last, (batch.count + 1) * lengths[batch[0]] <= tokenBudget {
      batches[batches.count - 1].append(index)
    } else {
      batches.append([index])
    }
  }
  return batches
}
