// SPDX-License-Identifier: Apache-2.0
/// Prometheus' text format 0.0.4.
struct PrometheusText {
  private(set) var text = ""

  /// One family of samples; `labels` as they stand between the braces.
  mutating func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: Double)]) {
    head(name, type, help)
    for (labels, value) in samples { sample(name, labels, value) }
  }

  /// A family of one sample without labels.
  mutating func single(_ name: String, _ type: String, _ help: String, _ value: Double) {
    family(name, type, help, [("", value)])
  }

  /// A family of histograms.
  mutating func histograms(
    _ name: String, _ help: String, _ histograms: [(labels: String, histogram: ServerMetrics.Histogram)]
  ) {
    head(name, "histogram", help)
    for (labels, histogram) in histograms {
      let lead = labels.isEmpty ? "" : labels + ","
      var total = 0
      for (index, count) in histogram.counts.enumerated() {
        total += count
        let bound = index < histogram.bounds.count ? "\(histogram.bounds[index])" : "+Inf"
        sample(name + "_bucket", "\(lead)le=\"\(bound)\"", Double(total))
      }
      sample(name + "_sum", labels, histogram.sum)
      sample(name + "_count", labels, Double(total))
    }
  }

  private mutating func head(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  private mutating func sample(_ name: String, _ labels: String, _ value: Double) {
    let number = Int(exactly: value).map(String.init) ?? "\(value)"
    text += name + (labels.isEmpty ? "" : "{\(labels)}") + " \(number)\n"
  }
}

extension ServerMetrics {
  /// Everything counted, with what holds at this moment.
  func text(waiting: Int, queueLimit: Int, connections: Int, uptime: Double) -> String {
    let values = now
    var text = PrometheusText()
    let requests = values.requests.sorted { ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status) }
    text.family(
      "dist2_requests_total", "counter", "Requests answered, by route and HTTP status.",
      requests.map { ("route=\"\($0.key.route)\",status=\"\($0.key.status)\"", Double($0.value)) })
    text.histograms(
      "dist2_request_duration_seconds", "From the head of a request to its answer.",
      values.seconds.sorted { $0.key < $1.key }.map { ("route=\"\($0.key)\"", $0.value) })
    text.family(
      "dist2_items_total", "counter", "Responses rated, and those that could not be.",
      [("outcome=\"rated\"", Double(values.rated)), ("outcome=\"failed\"", Double(values.failed))])
    text.single("dist2_tokens_total", "counter", "Tokens read by the model.", Double(values.tokens))
    text.histograms("dist2_batch_items", "Items of a batch.", [("", values.batchItems)])
    text.family(
      "dist2_rejected_total", "counter", "Submissions that were not rated, by reason.",
      values.rejected.sorted { $0.key < $1.key }.map { ("reason=\"\($0.key)\"", Double($0.value)) })
    text.single("dist2_queue_items", "gauge", "Items that wait.", Double(waiting))
    text.single("dist2_queue_limit", "gauge", "Largest number of items that may wait.", Double(queueLimit))
    text.single("dist2_connections", "gauge", "Open connections.", Double(connections))
    text.single("dist2_uptime_seconds", "gauge", "Since the model was loaded.", uptime)
    return text.text
  }
}
