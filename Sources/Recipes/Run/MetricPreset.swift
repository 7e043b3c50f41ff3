// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import Objectives
import TokenData

/// Metrics that models write boxes, points and actions with, ready to name in a run file: `metrics: paligemmaBoxes`, or
/// one of a list, `metrics: [paligemmaBoxes, { tokens: digits }]`.
public enum MetricPreset: String, Sendable, Hashable, CaseIterable {
  /// `<loc0000>` … `<loc1023>` of PaliGemma: 1,024 steps along a side of the image; a box is top, left, bottom, right.
  case paligemmaBoxes
  /// Coordinates as numbers in text, digit by digit: Gemma 3 (0 … 1000), SmolVLM, any other model.
  case textBoxes
  /// `{"bbox_2d": [112, 40, 305, 288]}` of Qwen2.5-VL: left, top, right, bottom in pixels of the image as its processor
  /// resizes it; targets are over whole numbers, a twentieth of the box's sides wide.
  case qwen25Boxes
  /// The same of Qwen3-VL, whose coordinates count thousandths of the image's sides.
  case qwen3Boxes
  /// OpenVLA's actions: 256 bins of each dimension, of which bin b = 1 … 256 is the token 32,000 − b.
  case openvlaActions

  /// What a run file would say in its place.
  public var metrics: [MetricSettings] {
    switch self {
    case .paligemmaBoxes:
      // τ = 2σ² with σ = 4 steps, 0.4 % of a side.
      [MetricSettings(name: "box", tokens: .numberedBins(pattern: "<loc{:04}>", count: 1024), temperature: .value(32))]
    case .textBoxes: [MetricSettings(name: "box", tokens: .digits, temperature: .value(2))]
    case .qwen25Boxes: [Self.namedBox(values: nil)]
    case .qwen3Boxes: [Self.namedBox(values: 0...1000)]
    case .openvlaActions:
      // τ = 2σ² with σ = 2 bins, 0.8 % of a dimension's range.
      [
        MetricSettings(
          name: "action", tokens: .ids(first: 32_000 - 256, count: 256, from: 256, to: 1), temperature: .value(8))
      ]
    }
  }

  /// Four whole numbers under the key that Qwen-VL gives boxes.
  ///
  /// - Parameter values: those there may be; nil: learnt from the training answers.
  private static func namedBox(values: ClosedRange<Int>?) -> MetricSettings {
    MetricSettings(
      name: "box", tokens: .digits, in: .delimiters(Delimiters("\"bbox_2d\": [", "]")), temperature: .value(2),
      whole: WholeValueSettings(
        target: .value, format: values.flatMap { try? ValueFormat(indices: $0) }, scale: .given(.box(0.05))))
  }
}

extension SettingsDocument {
  /// Writes out the presets among its metrics.
  ///
  /// - Throws: `InputError` naming line and key for a word that is none.
  mutating func expandMetricPresets() throws {
    switch root["metrics"] {
    case .string(let word)?: try rewrite("metrics", to: .array(metrics(word, at: "metrics")))
    case .array(let elements)?:
      guard elements.contains(where: { if case .string = $0 { true } else { false } }) else { return }
      let all = try elements.enumerated().flatMap { index, element in
        if case .string(let word) = element { try metrics(word, at: "metrics[\(index)]") } else { [element] }
      }
      rewrite("metrics", to: .array(all))
    default: return
    }
  }

  private func metrics(_ word: String, at keyPath: String) throws -> [JSON] {
    let names = MetricPreset.allCases.map(\.rawValue)
    guard let preset = MetricPreset(rawValue: word) else {
      let other = keyPath == "metrics" ? "a list, each element after a dash" : "keys and values"
      throw error(
        at: keyPath, expected: "\(other), or one of \(names.joined(separator: ", "))",
        found: JSON.string(word).summary,
        remedy: nearestName(to: word, among: names).map { "Did you mean \($0)?" } ?? "")
    }
    return preset.metrics.map { SettingsWriter.tree(of: $0) }
  }
}
