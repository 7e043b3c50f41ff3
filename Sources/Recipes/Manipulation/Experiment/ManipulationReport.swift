import Files
import Foundation
import Objectives
public import Reports
import Tabletop
import TokenData

/// The report of a manipulation experiment: the table beside the paper's, what the first actions miss by, and what it
/// says about the paper's claims.
public struct ManipulationReport {
  let summary: ManipulationSummary
  /// The command that makes it again.
  let command: String

  private var settings: ManipulationSettings { summary.settings }

  /// Success by objective, size and level; Table 2 in the last columns.
  public var table: Table {
    var table = Table(
      "Episodes solved, per cent",
      columns: [Table.Column("objective"), Table.Column("episodes learnt from", alignment: .right)]
        + ["L1", "L2"].map { Table.Column($0, alignment: .right) }
        + ["paper's size", "paper L1", "paper L2"].map { Table.Column($0, alignment: .right) },
      notes: [
        "95 % bootstrap intervals over \(settings.testEpisodes) test episodes a level, means over "
          + "\(summary.finishedSeeds). L1: new placements. L2: pairs of texture and shape not in training.",
        "Here: this project's tabletop (\(settings.kinds.map(\.rawValue).joined(separator: ", "))), \(seen). The paper: "
          + "VIMABench, LLaVA-1.5-7B with pictures, single runs. Compare orders, not numbers.",
        "Places drawn at random solve \(percent(summary.random(.placement))) of L1 and "
          + "\(percent(summary.random(.combination))) of L2.",
        "α = \(settings.alpha), τ = \(settings.temperature) for coordinates and \(settings.angleTemperature) for the "
          + "angle, squared distance digit by digit.",
      ])
    for (index, size) in settings.sizes.enumerated() {
      for preset in settings.presets where !summary.seeds([preset], size).isEmpty {
        let found = ManipulationSettings.levels.map { level -> Table.Cell in
          let scores = summary.scores(preset, size, level, seeds: summary.seeds([preset], size))
          return scores.interval.map { .interval(100 * scores.mean, $0.percent, decimals: 1) } ?? .missing
        }
        let hasPaper = settings.sizes.count == 3
        let paper = ManipulationSettings.levels.map { level -> Table.Cell in
          guard hasPaper, let values = PaperManipulation.success(preset, level) else { return .missing }
          return .number(values[index], decimals: 1)
        }
        table.add(
          [.text(preset.rawValue), .count(size)] + found
            + [hasPaper ? .text(PaperManipulation.sizes[index]) : .missing] + paper)
      }
    }
    return table
  }

  /// What the first action of an answer misses the oracle's by.
  var errors: Table {
    var table = Table(
      "The first action against the oracle's: medians, and answers that could not be read",
      columns: ["objective", "episodes learnt from", "pick, cm", "place, cm", "angle, degrees", "reward", "unreadable"]
        .map { Table.Column($0) },
      notes: [
        "The angle is asked for by rotate, twist and the rearrangements alone. A place within 4 cm and an angle within "
          + "15 degrees count as reached."
      ])
    for size in settings.sizes {
      for preset in settings.presets where !summary.seeds([preset], size).isEmpty {
        let trials = ManipulationSettings.levels.flatMap { summary.trials(preset, size, $0) }
        func cell(_ value: Double?, _ factor: Double = 1) -> Table.Cell {
          value.map { .number(factor * $0, decimals: 1) } ?? .missing
        }
        let unreadable = trials.count { !$0.problems.isEmpty }
        table.add([
          .text(preset.rawValue), .count(size), cell(summary.median(trials, \.startError), 100),
          cell(summary.median(trials, \.endError), 100), cell(summary.median(trials, \.angleError)),
          .number(Measurements(trials.map(\.reward)).mean), .text("\(unreadable) of \(trials.count)"),
        ])
      }
    }
    return table
  }

  /// Success by task at the largest size that all objectives are finished with; until then, at the largest.
  var byKind: Table {
    let finished = settings.sizes.filter { !summary.seeds(settings.presets, $0).isEmpty }
    let size = finished.max() ?? settings.sizes.max() ?? 0
    var table = Table(
      "Episodes solved by task, per cent, both levels, \(size) episodes learnt from",
      columns: [Table.Column("task")] + settings.presets.map { Table.Column($0.rawValue, alignment: .right) })
    for kind in settings.kinds {
      table.add(
        [.text(kind.rawValue)]
          + settings.presets.map { preset in
            let trials = ManipulationSettings.levels.flatMap { summary.trials(preset, size, $0) }
              .filter { $0.kind == kind }
            return trials.isEmpty ? .missing : .number(100 * ManipulationSummary.share(trials), decimals: 1)
          })
    }
    return table
  }

  /// Success against size.
  func chart(_ level: EpisodeSplit) -> Chart {
    let series = settings.presets.map { preset in
      Series(
        preset.rawValue,
        means: settings.sizes.compactMap { size -> (Double, Measurements)? in
          let values = summary.success(preset, size, level)
          return values.isEmpty ? nil : (Double(size), Measurements(values.map { 100 * $0 }))
        }, spread: .whiskers)
    }
    return Chart(
      "Episodes solved, \(level.rawValue)", subtitle: "mean over seeds ± 1 standard deviation",
      x: Axis("episodes learnt from", scale: .logarithmic), y: Axis("solved, %", range: 0...100), series: series,
      references: [ReferenceLine("random places", y: 100 * summary.random(level))])
  }

  private var tables: [Table] { [table, errors, byKind] }

  /// For the terminal.
  public func text(_ terminal: Terminal) -> String { summary.findings.text(after: tables, terminal) }

  /// For `docs/experiments/`.
  public var markdown: String { summary.findings.markdown(after: tables, command: command) }

  /// `report.html`
  public var page: HTMLReport {
    var page = HTMLReport(
      "Picking, turning and placing with coordinates that know how near they are",
      subtitle: "\(URL(filePath: settings.model).lastPathComponent), the table \(seen), seeds "
        + settings.seeds.map(String.init).joined(separator: ", "))
    summary.findings.show(on: &page)
    page.table(table)
    page.figures(ManipulationSettings.levels.map(chart))
    page.section("Where actions miss")
    page.table(errors)
    page.table(byKind)
    page.section("An episode")
    if let episode = settings.episodes(.placement).first {
      if settings.observation == .image, let png = try? episode.scene.picture.png() {
        page.image(
          png: png, description: episode.scene.objects.map(\.name).joined(separator: ", "),
          caption: "What \(PromptForm.imageMark) stands for")
      }
      page.code(EpisodePlay(episode).prompt(settings.form), caption: "What the model reads")
      page.code(episode.oracle.answer(), caption: "What the oracle answers")
    }
    page.section("Settings")
    page.code(command, caption: "The command that makes this again")
    return page
  }

  /// What models observe.
  private var seen: String {
    switch settings.observation {
    case .boxes: "seen as text, boxes in place of the picture"
    case .image: "seen as pictures of \(FrontView.width) x \(FrontView.height) pixels"
    }
  }

  private func percent(_ share: Double) -> String { "\(Quantity.percent(share))" }
}
