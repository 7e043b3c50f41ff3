// SPDX-License-Identifier: Apache-2.0
import Evaluation
public import Recipes
import Files
public import Objectives

/// Does the metric help, or which objective orders held-out responses best? Objectives, each trained with every seed on the
/// same data in the same order from the same weights, tested and compared: `dist2 compare`.
public struct ComparisonExperiment: Experiment {
  /// `comparison`, as processes of single runs name it.
  public static let name = "comparison"

  /// Settings of a run, without what variants and seeds change.
  public var run: RunSettings
  /// The file it was read from, for errors and relative names.
  public var path: String
  /// Variants to compare.
  public var compared: [ComparisonVariant]
  /// Seeds of data order, subsets, contrastive examples, adapters.
  public var seeds: [Int]
  /// The figure that verdicts are about; nil: the first that fits the answers.
  public var metric: String?

  // Folders of earlier versions have this key.
  private enum CodingKeys: String, CodingKey { case run, path, compared = "arms", seeds, metric }

  /// Objectives of tokens, of numbers in answers, or of a head.
  ///
  /// - Throws: as ``init(_:choices:axes:seeds:metric:)``.
  public init(
    _ settings: RunSettings, objectives: [Preset], axes: [String] = [], seeds: [Int], metric: String? = nil
  ) throws {
    try self.init(
      settings, choices: objectives.map(ObjectivePreset.tokens), axes: axes, seeds: seeds, metric: metric)
  }

  /// Makes the variants of all objectives at all points of the axes.
  ///
  /// Axes that change nothing for an objective (τ for sft) make no variants of their own.
  ///
  /// - Parameters:
  ///   - axes: `key=value,value,…`, as `objective.temperature=1,2,4`.
  /// - Throws: `InputError` for an axis without values, or a variant whose run file would be refused.
  public init(
    _ settings: RunSettings, choices: [ObjectivePreset], axes: [String] = [], seeds: [Int], metric: String? = nil
  ) throws {
    run = settings
    path = settings.path
    self.seeds = seeds
    self.metric = metric
    let axes = try axes.map(ComparisonAxis.init)
    var points: [[ComparisonAxis.Value]] = [[]]
    for axis in axes { points = points.flatMap { point in axis.values.map { point + [$0] } } }
    compared = []
    for point in points {
      for choice in choices {
        let variant = ComparisonVariant(choice, point.filter { choice.isChanged(by: $0.key) })
        if !compared.contains(variant) { compared.append(variant) }
      }
    }
    for variant in compared { _ = try self.settings(variant, seed: seeds[0], output: "") }
  }

  /// Whether responses are compared: which of a prompt's is the better one, rather than what is answered.
  var isOfResponses: Bool { compared.contains { !$0.choice.isOfTokens } }

  /// Names of the variants.
  public var variants: [String] { compared.map(\.name) }

  /// Variants and seeds.
  public var grid: Grid {
    get { Grid(variants, seeds: seeds) }
    set {
      compared = newValue.variants.compactMap { name in compared.first { $0.name == name } }
      seeds = newValue.seeds
    }
  }

  /// These and others' objectives and seeds; nil if they are of another run file. Verdicts are about what was asked last.
  public func joined(with other: ComparisonExperiment) -> ComparisonExperiment? {
    guard run == other.run, path == other.path else { return nil }
    var both = self
    both.compared += other.compared.filter { !compared.contains($0) }
    both.seeds += other.seeds.filter { !seeds.contains($0) }
    both.metric = other.metric
    return both
  }

  /// Variants and seeds that the folder holds besides, or another figure that its verdicts are about.
  public func remark(beside asked: ComparisonExperiment) -> String? {
    if let remark = grid.remark(beside: asked.grid) { return remark }
    guard metric != asked.metric else { return nil }
    func name(_ metric: String?) -> String { metric ?? "what fits the answers" }
    return
      "holds verdicts about \(name(metric)): the report, which is replaced, will have those about \(name(asked.metric))"
  }

  /// Checks that answers can be tested.
  ///
  /// - Throws: `InputError` naming the key.
  public func check() throws {
    guard !run.data.areCodes else {
      throw InputError(
        path: path, place: "key data.format", expected: "answers that can be tested", found: "codes",
        remedy: "Draw with each model (dist2 image-samples) and compare the images: dist2 image-metrics.")
    }
    guard !isOfResponses || compared.allSatisfy({ !$0.choice.isOfTokens }) else {
      throw InputError(
        path: "<arguments>", place: "--variants", expected: "objectives of one family",
        found: variants.joined(separator: ", "),
        remedy: "Those of tokens learn answers, the others responses of which one is better: raft is sft on the best.")
    }
    if isOfResponses, let metric, ResponseEvaluation.Item(word: metric) == nil {
      throw InputError(
        path: "<arguments>", place: "--metric",
        expected: ResponseEvaluation.Item.words.map(\.key).joined(separator: ", "), found: metric)
    }
    guard run.data.test ?? run.data.valid != nil else {
      throw InputError(
        path: path, place: "key data.test", expected: "a file to test on", found: "no such key",
        remedy: "Add `data: { test: test.jsonl }`; without one the validation file is taken.")
    }
  }

  /// The run file of one run.
  package func settings(_ variant: ComparisonVariant, seed: Int, output: String) throws -> RunSettings {
    var settings = run
    settings.path = path
    settings = try settings.choosing(variant.choice)
    settings = try settings.setting(keys: variant.point.map { ($0.key, $0.value) }).checked()
    (settings.train.seed, settings.output) = (UInt64(seed), output)
    return settings
  }

  /// One run: trains, then tests the model of the last step; none is kept.
  public func run(_ run: GridRun, _ context: RunContext) throws -> ComparisonOutcome {
    guard let variant = compared.first(where: { $0.name == run.variant }) else {
      throw InputError(path: path, place: "variant", expected: "one of \(variants)", found: run.variant)
    }
    let settings = try settings(variant, seed: run.seed, output: context.emptyOutput())
    guard isOfResponses else { return try ComparisonOutcome(settings, context) }
    return try ComparisonOutcome(
      try responses(variant, settings, reference: referenceFolder(variant, seed: run.seed, in: context.folder)), context
    )
  }

  /// Table, verdicts, curves.
  ///
  /// - Throws: `InputError` for runs that were tested on other examples than the first.
  public func report(
    _ results: Results<ComparisonOutcome>, _ artifacts: [String: NoArtifact]
  ) throws -> ExperimentReport {
    if isOfResponses { return ResponseReport(ResponseSummary(self, results)).report }
    let tested = grid.variants.flatMap { name in
      results.outcomes(name).map { (variant: name, examples: $0.records.map(\.id)) }
    }
    if let first = tested.first, let other = tested.first(where: { $0.examples != first.examples }) {
      throw InputError(
        path: path, expected: "runs that were tested on the same examples",
        found: "\(first.examples.count) of \(first.variant), \(other.examples.count) of \(other.variant), which differ",
        remedy: "The data has changed since the first runs: restore it, or choose another folder with --output.")
    }
    let findings = ComparisonFindings(ComparisonSummary(self, results))
    return ComparisonReport(summary: findings.summary, findings: findings).report
  }
}
