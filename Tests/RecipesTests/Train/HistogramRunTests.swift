// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Testing
import Training

/// `target: histogram` from a run file.
@Suite struct HistogramRunTests {
  private static let data = (0..<8).map { index in
    "{\"prompt\": \"\(index) is \", \"completion\": \"\(index)\", \"y\": \(Double(index) + 0.25)}\n"
  }.joined()

  private static let yaml = """
    model: model
    data: { train: train.jsonl }
    metrics:
      - tokens: { integers: [0, 9] }
        target: histogram
        scale: { raters: y, width: 0.75 }
        crossEntropy: replaced
    objective: { preset: dist, alpha: 1 }
    train: { steps: 4, batch: 4, learningRate: 0.01, samples: 0 }
    """

  @Test func targetsLieBetweenBins() throws {
    let tiny = try TinyRun(data: Self.data, yaml: Self.yaml), artifacts = try tiny.artifacts()
    #expect(artifacts.distanceLosses[0].softmax == .vocabulary)
    let source = try artifacts.batches(artifacts.dataset(tiny.folder + "/train.jsonl"), shuffled: false)
    let supervision = try #require(try source.batches(ofStep: 0).first).supervision
    let target = HistogramTarget(values: (0...9).map(Double.init))
    #expect(!supervision.metrics.isEmpty)
    for metric in supervision.metrics {
      let centre = Double(metric.candidate) + 0.25
      #expect(metric.given?.probabilities == target.probabilities(around: centre, deviation: 0.75))
      #expect(supervision.labels[metric.logitRow] == Supervision.unlabelled)
    }
    _ = try tiny.train().run()
    #expect(fileExists(tiny.folder + "/out/metrics.jsonl"))
  }

  @Test func withoutAScaleItIsTwoBins() throws {
    let tiny = try TinyRun(data: Self.data, yaml: Self.yaml)
    let rule = try #require(try tiny.artifacts("metrics.0.scale=auto").teacher?.histograms[0])
    #expect(rule.scale == .width(2))
  }

  @Test func inspectSaysTheWidth() throws {
    let tiny = try TinyRun(data: Self.data, yaml: Self.yaml)
    let artifacts = try tiny.artifacts("metrics.0.distance=absolute", "metrics.0.temperature=3")
    let inspection = try Inspection(artifacts, terminal: quiet), text = inspection.text(quiet)
    #expect(text.contains("as a normal distribution fills them: the ratings in field y of each record"), "\(text)")
    #expect(inspection.warnings.contains { $0.contains("distance, temperature without effect: histograms") })
  }

  @Test func whatIsNoHistogramIsRefused() throws {
    let tiny = try TinyRun(data: Self.data, yaml: Self.yaml)
    let tokens = #expect(throws: InputError.self) { try tiny.artifacts("metrics.0.tokens=digits") }
    #expect(tokens?.place.contains("tokens") == true && tokens?.remedy.contains("value") == true)
    let scale = #expect(throws: InputError.self) { try tiny.artifacts("metrics.0.scale={ relative: 0.1 }") }
    #expect(scale?.place.contains("scale") == true)
  }
}
