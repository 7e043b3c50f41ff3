// SPDX-License-Identifier: Apache-2.0
import Recipes
import Files
import Foundation
import MetricTokens
import Objectives
import Reports
import Tabletop
import TaskData
import TokenData

/// Findings of a manipulation experiment: the table beside the paper's, what the first actions miss by, and what it
/// says about the paper's claims.
struct ManipulationFindings {
  private let settings: ManipulationExperiment
  private let results: Results<ManipulationOutcome>
  /// Success of places drawn at random on the same test episodes.
  private let floors: [EpisodeSplit: Double]
  private var grid: Grid { results.grid }
  private static let levels = zip(ManipulationExperiment.levels, ["L1", "L2"])

  init(_ settings: ManipulationExperiment, _ results: Results<ManipulationOutcome>) {
    (self.settings, self.results) = (settings, results)
    floors = Dictionary(uniqueKeysWithValues: Self.levels.map { ($0.0, settings.randomSuccess($0.0)) })
  }

  var report: ExperimentReport {
    let charts = Self.levels.map { level, _ in
      results.chart(
        "Episodes solved, \(level.rawValue)", x: Axis("episodes learnt from", scale: .logarithmic),
        y: Axis("solved, %", range: 0...100), references: [ReferenceLine("random places", y: 100 * floor(level))]
      ) { 100 * Measurements(solved(level)($0)).mean }
    }
    return ExperimentReport(
      "Picking, turning and placing with coordinates that know how near they are",
      subtitle: "\(URL(filePath: settings.model).lastPathComponent), the table \(seen), seeds "
        + grid.seeds.map(String.init).joined(separator: ", "), findings: findings, figure: charts[0],
      parts: [
        .table(table), .figures(charts), .section("Where actions miss"), .table(errors), .table(byKind),
        .section("An episode"),
      ] + episode)
  }

  // MARK: Measures

  private func floor(_ level: EpisodeSplit) -> Double { floors[level] ?? .nan }
  /// 1 for each test episode of a level that is solved.
  private func solved(_ level: EpisodeSplit) -> (ManipulationOutcome) -> [Double] {
    { run in run.trials.filter { $0.split == level }.map { $0.isSuccess ? 1 : 0 } }
  }
  private func gain(_ level: EpisodeSplit, _ ours: ManipulationOutcome, _ theirs: ManipulationOutcome) -> Double {
    Measurements(solved(level)(ours)).mean - Measurements(solved(level)(theirs)).mean
  }
  /// Median of what is measured of the first action; missing without any.
  private func median(_ trials: [PolicyTrial], _ factor: Double = 1, _ value: (PolicyTrial) -> Double?) -> Table.Cell {
    let values = trials.compactMap(value)
    return values.isEmpty ? .missing : .number(factor * Measurements(values).median, decimals: 1)
  }

  // MARK: Claims (docs/paper-map.md). K9 is about grounding.

  private var findings: [JudgedClaim] {
    guard ["sft", "dist"].allSatisfy(grid.variants.contains) else { return [] }
    return [
      distanceIsBetter, combinationGainsMore,
      results.shrinkingGain("dist", "sft") { dist, sft in
        Measurements(ManipulationExperiment.levels.map { gain($0, dist, sft) }).mean
      },
    ].compactMap { $0 }
  }

  /// K10: dist solves more than sft at both levels and every size.
  private var distanceIsBetter: JudgedClaim? {
    let sizes = grid.sizes.filter { !results.seeds(["sft", "dist"], [[$0]]).isEmpty }
    guard !sizes.isEmpty else { return nil }
    let verdicts = Self.levels.flatMap { level, name in
      sizes.map { size in
        ("\(name) at \(Grid.text(size))", results.itemVerdict("success", "dist", "sft", [size], solved(level)))
      }
    }
    let seeds = Set(sizes.map { results.seeds(["sft", "dist"], [[$0]]).count })
    return Claim(
      "K10", "dist solves more episodes than sft on L1 and L2 at every size.", verdicts,
      remark: ItemScores.remark("test episode", seeds: seeds)
    ).judged
  }

  /// K10's second half: the gain is larger on L2.
  private var combinationGainsMore: JudgedClaim? {
    // A seed's mean over sizes is one measurement: smaller sets are parts of larger ones.
    let bySeed = grid.seeds.compactMap { seed -> [Double]? in
      let pairs = grid.conditions.compactMap { condition -> (ManipulationOutcome, ManipulationOutcome)? in
        guard let dist = results.outcome("dist", condition, seed: seed),
          let sft = results.outcome("sft", condition, seed: seed)
        else { return nil }
        return (dist, sft)
      }
      guard !pairs.isEmpty else { return nil }
      return ManipulationExperiment.levels.map { level in Measurements(pairs.map { gain(level, $0, $1) }).mean }
    }
    guard !bySeed.isEmpty else { return nil }
    let verdict = Verdict("gain", ours: bySeed.map { $0[1] }, theirs: bySeed.map { $0[0] }, lowerIsBetter: false)
    return Claim("K10", "The gain is larger on L2 than on L1.", [("L2 against L1, means over sizes", verdict)]).judged
  }

  // MARK: Tables

  /// Success by objective, size and level; Table 2 in the last columns.
  private var table: Table {
    var table = Table(
      "Episodes solved, per cent",
      columns: [Table.Column("objective"), Table.Column("episodes learnt from", alignment: .right)]
        + ["L1", "L2", "paper's size", "paper L1", "paper L2"].map { Table.Column($0, alignment: .right) },
      notes: [
        "95 % bootstrap intervals over \(settings.testEpisodes) test episodes a level, means over \(results.seedsText). "
          + "L1: new placements. L2: pairs of texture and shape not in training.",
        "Here: this project's tabletop (\(settings.kinds.map(\.rawValue).joined(separator: ", "))), \(seen). The paper: "
          + "VIMABench, LLaVA-1.5-7B with images, single runs. Compare orders, not numbers.",
        "Places drawn at random solve \(Quantity.percent(floor(.placement))) of L1 and "
          + "\(Quantity.percent(floor(.combination))) of L2.",
        "α = \(settings.alpha), τ = \(settings.temperature) for coordinates and \(settings.angleTemperature) for the "
          + "angle, squared distance digit by digit.",
      ])
    for row in results.rows {
      let index = grid.sizes.count == 3 ? grid.sizes.firstIndex(of: row.condition[0]) : nil
      let found = Self.levels.map { results.items(row.variant, row.condition, solved($0.0)).percentCell }
      let paper = Self.levels.map { level, _ -> Table.Cell in
        guard let index, let preset = Preset(rawValue: row.variant),
          let values = PaperManipulation.success(preset, level)
        else { return .missing }
        return .number(values[index], decimals: 1)
      }
      table.add(
        [.text(row.variant), .count(Int(exactly: row.condition[0]) ?? 0)] + found
          + [index.map { .text(PaperManipulation.sizes[$0]) } ?? .missing] + paper)
    }
    return table
  }

  /// What the first action of an answer misses the oracle's by.
  private var errors: Table {
    var table = Table(
      "The first action against the oracle's: medians, and answers that could not be read",
      columns: ["objective", "episodes learnt from", "pick, cm", "place, cm", "angle, degrees", "reward", "unreadable"]
        .map { Table.Column($0) },
      notes: [
        "The angle is asked for by rotate, twist and the rearrangements alone. A place within 4 cm and an angle within "
          + "15 degrees count as reached."
      ])
    for row in results.rows {
      let trials = results.outcomes(row.variant, row.condition).flatMap(\.trials)
      table.add([
        .text(row.variant), .count(Int(exactly: row.condition[0]) ?? 0), median(trials, 100, \.startError),
        median(trials, 100, \.endError), median(trials, 1, \.angleError),
        .number(Measurements(trials.map(\.reward)).mean),
        .text("\(trials.count { !$0.problems.isEmpty }) of \(trials.count)"),
      ])
    }
    return table
  }

  /// Success by task at the largest size that all objectives are finished with; until then, at the largest.
  private var byKind: Table {
    let size = results.largestSize(grid.variants) ?? grid.sizes.max() ?? 0
    var table = Table(
      "Episodes solved by task, per cent, both levels, \(Grid.text(size)) episodes learnt from",
      columns: [Table.Column("task")] + grid.variants.map { Table.Column($0, alignment: .right) })
    for kind in settings.kinds {
      table.add(
        [.text(kind.rawValue)]
          + grid.variants.map { variant in
            let trials = results.outcomes(variant, [size]).flatMap(\.trials).filter { $0.kind == kind }
            let share = Measurements(trials.map { $0.isSuccess ? 100 : 0 })
            return trials.isEmpty ? .missing : .number(share.mean, decimals: 1)
          })
    }
    return table
  }

  /// Prompt and answer.
  private var episode: [ExperimentReport.Part] {
    guard let episode = settings.episodes(.placement).first else { return [] }
    var parts = [ExperimentReport.Part]()
    if settings.observation == .image, let png = try? episode.scene.image.png() {
      let names = episode.scene.objects.map(\.name).joined(separator: ", ")
      parts.append(.image(png, caption: "Image at \(PromptTemplate.imageMark): \(names)"))
    }
    return parts + [
      .code(EpisodePlay(episode).prompt(settings.template), caption: "Prompt"),
      .code(episode.oracle.answer(), caption: "Answer of the oracle"),
    ]
  }

  /// Observations of models.
  private var seen: String {
    switch settings.observation {
    case .boxes: "seen as text, boxes in place of the image"
    case .image: "seen as images of \(FrontView.width) x \(FrontView.height) pixels"
    }
  }
}

extension ManipulationExperiment {
  /// Share of the test episodes that places drawn at random solve.
  fileprivate func randomSuccess(_ level: EpisodeSplit) -> Double {
    var generator = CounterGenerator(0x72616e64)
    func point() -> String {
      "(\(Double(generator.next(below: 256)) / 256), \(Double(34 + generator.next(below: 90)) / 128))"
    }
    let trials = PolicyTest(template: template, answers: answers).play(episodes(level)) { prompts in
      prompts.map { _ in "\(point()) \(point()) [\(generator.next(below: 719) - 359)]" }
    }
    return Measurements(trials.map { $0.isSuccess ? 1 : 0 }).mean
  }
}
