extension EncodedExample {
  /// Without the last tokens: at most `length` stay.
  public func prefix(_ length: Int) -> EncodedExample {
    guard length < ids.count else { return self }
    return EncodedExample(
      ids: Array(ids[..<length]), supervised: Array(supervised[..<length]),
      metrics: metrics.filter { $0.position < length }, source: source)
  }

  /// Without tokens before the first one that is learnt: `kept` from the start (the begin-of-text token) and the last
  /// of the rest stay, `length` in all. Nil if what is learnt, with one token before it, is longer than that.
  public func cuttingPrompt(to length: Int, keeping kept: Int) -> EncodedExample? {
    let dropped = ids.count - length
    guard dropped > 0 else { return self }
    guard let first = supervised.indices.dropFirst().first(where: { supervised[$0] }), dropped + max(kept, 1) <= first
    else {
      return nil
    }
    var shorter = self
    shorter.ids.removeSubrange(kept..<kept + dropped)
    shorter.supervised.removeSubrange(kept..<kept + dropped)
    shorter.metrics = metrics.map { metric in
      var metric = metric
      metric.position -= dropped
      return metric
    }
    return shorter
  }
}
