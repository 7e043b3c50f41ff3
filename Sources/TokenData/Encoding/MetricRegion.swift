// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// Where in an example the tokens of a metric are looked for. Always within what is learnt.
public enum MetricRegion: Sendable, Hashable {
  /// All of the answers.
  case answer
  /// Between delimiters in the answers.
  case delimiters(Delimiters)
  /// In spans that the record names.
  case spans(String)
}

/// One of a run's metrics, as the data side knows it.
public struct MetricRule: Sendable, Hashable {
  /// Pattern to look for.
  public var finder: MetricFinder
  /// Where.
  public var region: MetricRegion

  /// Memberwise.
  public init(_ finder: MetricFinder, in region: MetricRegion = .answer) {
    self.finder = finder
    self.region = region
  }
}
