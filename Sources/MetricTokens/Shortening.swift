// SPDX-License-Identifier: Apache-2.0
extension EncodedExample {
  /// Without the last tokens: at most `length` stay. Of one document; ratings and images of what is cut off are lost.
  /// Nil if an image would be cut through.
  public func prefix(_ length: Int) -> EncodedExample? {
    guard length < ids.count else { return self }
    guard !images.contains(where: { $0.tokens.contains(length) && $0.position < length }) else { return nil }
    precondition(breaks.isEmpty, "several documents are not one to be shortened")
    return EncodedExample(
      ids: Array(ids[..<length]), supervised: Array(supervised[..<length]),
      metrics: metrics.filter { $0.position < length }, ratings: ratings.filter { $0.position < length },
      images: images.filter { $0.position < length }, source: source)
  }

  /// Without tokens before the first one that is learnt or read out: `kept` from the start (the begin-of-text token)
  /// and the last of the rest stay, `length` in all. Nil if what is learnt, with one token before it, is longer than
  /// that, or if an image would lose tokens. Of one document.
  public func cuttingPrompt(to length: Int, keeping kept: Int) -> EncodedExample? {
    let dropped = ids.count - length
    guard dropped > 0 else { return self }
    precondition(breaks.isEmpty, "several documents are not one to be shortened")
    let learnt = supervised.indices.dropFirst().first { supervised[$0] }, readOut = ratings.map(\.position).min()
    guard let first = [learnt, readOut].compactMap(\.self).min(), dropped + max(kept, 1) <= first else { return nil }
    let lost = kept..<kept + dropped
    guard !images.contains(where: { $0.tokens.overlaps(lost) }) else { return nil }
    var shorter = self
    shorter.ids.removeSubrange(kept..<kept + dropped)
    shorter.supervised.removeSubrange(kept..<kept + dropped)
    shorter.metrics = metrics.map { metric in
      var metric = metric
      metric.position -= dropped
      return metric
    }
    for index in images.indices where images[index].position >= lost.upperBound {
      shorter.images[index].position -= dropped
    }
    for index in ratings.indices { shorter.ratings[index].position -= dropped }
    return shorter
  }
}
