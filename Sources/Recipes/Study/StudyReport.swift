// SPDX-License-Identifier: Apache-2.0
import Evaluation
public import Files
import Foundation
import Objectives
public import Reports

/// The report of a study: where a target over values helps, where not, and where it harms.
public struct StudyReport {
  let summary: StudySummary
  /// The command that makes it again.
  let command: String
  /// CRPS of tables beside other methods.
  private let floors: Table?

  /// A report of the outcomes in hand.
  ///
  /// - Throws: `InputError` for a table's `table.json` that is none.
  public init(_ settings: StudySettings, _ outcomes: [StudyOutcome], command: String) throws {
    summary = StudySummary(settings, outcomes)
    self.command = command
    floors = try summary.floors(.best)
  }

  private var remarks: [String] { StudySummary.Selection.allCases.compactMap(summary.automaticWidth) }
  private var claims: [JudgedClaim] { [summary.vanishingAdvantage(.best)].compactMap { $0 } }

  /// For the terminal.
  public func text(_ terminal: Terminal) -> String {
    ([summary.overview(.best), summary.overview(.last)] + details(.best, [.crps])).map {
      $0.text(terminal: terminal)
    }.joined(separator: "\n\n") + "\n" + claims.map { "\n\($0.id) \($0.claim)\n   \($0.finding)\n" }.joined()
      + remarks.map { "\n\($0)\n" }.joined()
  }

  /// For `docs/experiments/`.
  public var markdown: String {
    let overviews = StudySummary.Selection.allCases.map { summary.overview($0).markdown }
    let tables = StudySummary.Selection.allCases.flatMap { details($0, [.crps, .readOutMAE, .clippedMAE]) }
    return "```\n\(command)\n```\n\n"
      + claims.map { "**\($0.id)** \($0.claim) *Found:* \($0.finding)\n\n" }.joined()
      + remarks.map { "\($0)\n\n" }.joined()
      + (overviews + [floors?.markdown].compactMap { $0 } + tables.map(\.markdown)).joined(separator: "\n")
  }

  /// `report.html`
  public var page: HTMLReport {
    var page = HTMLReport(
      "When does teaching distance help?",
      subtitle: "\(summary.problems.count) problems, \(summary.settings.variants.count) objectives, "
        + "\(summary.settings.seeds.count) seeds",
      footer: "Made by dist2. Every figure comes from the runs in this folder.")
    for claim in claims { page.claim("\(claim.id). \(claim.claim)", claim.finding, claim.conclusion) }
    for remark in remarks { page.paragraph(remark) }
    for rule in StudySummary.Selection.allCases {
      page.section(rule == .best ? "With early stopping" : "At the last step")
      page.table(summary.overview(rule))
      page.figures([ranks(rule)] + gains(rule))
      if rule == .best, let floors { page.table(floors) }
      for table in details(rule, [.crps, .readOutMAE, .clippedMAE]) { page.table(table) }
    }
    page.section("Settings")
    page.keyValues([
      ("model", "decoder of 2 layers, width 64, bytes as tokens, from random weights"),
      ("updates", "\(summary.settings.steps) of 32 examples, AdamW, learning rate 0.001, cosine to 0"),
      ("validation", "eight times a run"), ("number read out", "median of the distribution"),
    ])
    page.code(command, caption: "The command that makes this again")
    return page
  }

  /// The image that says most.
  public var figure: any Figure { gains(.best).first ?? ranks(.best) }

  /// For programs: every run's figures.
  public var json: JSON {
    let runs = summary.problems.flatMap { problem in
      summary.seeds(problem).flatMap { seed -> [JSON] in
        (summary.outcomes[problem.name]?[seed]?.runs ?? []).map { run in
          [
            "problem": .string(problem.name), "seed": .int(seed), "objective": .string(run.variant.name),
            "bestStep": .int(run.bestStep), "best": Self.json(run.best), "last": Self.json(run.last),
            "seconds": .double(run.seconds),
          ]
        }
      }
    }
    return ["command": .string(command), "claims": .array(claims.map(\.json)), "runs": .array(runs)]
  }

  private static func json(_ figures: [String: Double]) -> JSON {
    var object = JSONObject()
    for (name, figure) in figures.sorted(by: { $0.key < $1.key }) { object[name] = .double(figure) }
    return .object(object)
  }

  // MARK: Parts

  /// Synthetic problems of one noise and number of digits, in order of size; all tables.
  private var groups: [(title: String, problems: [StudyProblem])] {
    var groups: [(title: String, problems: [StudyProblem])] = []
    for problem in summary.problems {
      let title =
        switch problem {
        case .synthetic(let numbers): "\(numbers.digits) digits, noise \(numbers.noise) of the signal"
        case .table: "tables"
        }
      if let index = groups.firstIndex(where: { $0.title == title }) {
        groups[index].problems.append(problem)
      } else {
        groups.append((title, [problem]))
      }
    }
    return groups
  }

  /// Tables of changes, at most five problems wide.
  private func details(_ rule: StudySummary.Selection, _ metrics: [EvaluationMetric]) -> [Table] {
    metrics.flatMap { metric in
      groups.flatMap { group in
        stride(from: 0, to: group.problems.count, by: 4).map { start in
          let part = Array(group.problems[start..<min(start + 4, group.problems.count)])
          return summary.changes(metric, part, group.title, rule)
        }
      }
    }
  }

  /// Mean ranks, with half the critical difference on both sides.
  private func ranks(_ rule: StudySummary.Selection) -> BarChart {
    let friedman = summary.ranks(.crps, rule), variants = summary.settings.variants
    let order = friedman.ranks.indices.sorted { friedman.ranks[$0] < friedman.ranks[$1] }
    let half = (friedman.criticalDifference ?? 0) / 2
    return BarChart(
      "Mean rank by CRPS",
      subtitle: "over \(friedman.count) problems; bars whose lines do not meet differ (Nemenyi, 5 %)",
      categories: order.map { variants[$0].name }, y: Axis("mean rank", includesZero: true),
      groups: [
        BarChart.Group(
          "rank", order.map { friedman.ranks[$0] },
          ranges: order.map { max(0, friedman.ranks[$0] - half)...(friedman.ranks[$0] + half) })
      ])
  }

  /// The change in CRPS over training size, an image a noise, a line a variant.
  private func gains(_ rule: StudySummary.Selection) -> [Chart] {
    groups.compactMap { group in
      let points = group.problems.compactMap { problem -> (Double, StudyProblem)? in
        guard case .synthetic(let numbers) = problem else { return nil }
        return (Double(numbers.count), problem)
      }
      guard points.count > 1 else { return nil }
      let series = summary.others.filter(\.isShown).map { variant in
        Series(
          variant.name,
          points.map { count, problem in
            let verdict = summary.change(.crps, variant, problem, rule)
            return Series.Point(count, 100 * verdict.difference)
          })
      }
      return Chart(
        "CRPS against sft: \(group.title)", subtitle: "change in per cent, mean over seeds; below 0 is better",
        x: Axis("training examples", scale: .logarithmic), y: Axis("change in CRPS, %", includesZero: true),
        series: series, references: [ReferenceLine("sft", y: 0)])
    }
  }
}

extension StudyVariant {
  /// Whether images and claims are about it: one width and few weights, or lines hide each other.
  var isShown: Bool { (width ?? 0.2) == 0.2 && alpha != 3 && !(preset.isOfValues && width == nil) }
}
