// SPDX-License-Identifier: Apache-2.0
import Reports

/// Claims of the paper, K1 to K20 (docs/paper-map.md), and how each is looked at here.
struct PaperClaim: Sendable {
  /// `K6`
  let id: String
  let text: String
  /// The paper's own figures, where it gives some.
  let paper: String
  /// What looks at it.
  let source: Source

  enum Source: Sendable {
    /// Computed when asked.
    case computed(@Sendable () throws -> JudgedClaim)
    /// A report of an experiment that tests it.
    case experiment(command: String, takes: String)
    /// Nothing here does.
    case none(String)
  }

  static let all: [PaperClaim] = [
    PaperClaim(
      "K1", "dist needs no extra data and hardly any time.", "minimal computational overhead",
      .experiment(command: "dist2 reproduce overhead", takes: "minutes of two cores")),
    PaperClaim("K2", "p_d maximises expected reward −d plus τ times entropy.", "section 2.3", .computed(closedForm)),
    PaperClaim("K3", "A lower τ makes targets sharper.", "section 2.2", .computed(sharper)),
    PaperClaim("K4", "The squared distance gives a discrete normal.", "σ² = τ/2", .computed(discreteNormal)),
    PaperClaim("K5", "Without geometry the target is one-hot.", "section 1; only for τ → 0", .computed(oneHot)),
    PaperClaim(
      "K6", "dist has a lower MAE than sft and vocab for N ≥ 2.", "Table 11; not at N = 2",
      .experiment(command: "dist2 reproduce regression", takes: "ten minutes of two cores")),
    PaperClaim(
      "K7", "vocab varies more across N than sft and dist.", "section 3.1",
      .experiment(command: "dist2 reproduce regression --sizes 1-10", takes: "an hour of two cores")),
    PaperClaim(
      "K8", "The gain shrinks as data grow.", "abstract, 3.3",
      .experiment(command: "dist2 reproduce regression --sizes 1-10", takes: "an hour of two cores")),
    PaperClaim(
      "K9", "dist finds more boxes than sft in all columns.", "Table 1",
      .experiment(command: "dist2 reproduce grounding", takes: "half an hour of two cores")),
    PaperClaim(
      "K10", "dist solves more episodes than sft, more so on L2.", "Table 2",
      .experiment(command: "dist2 reproduce manipulation", takes: "an hour of two cores")),
    PaperClaim(
      "K11", "dist orders responses better than sft.", "Table 3",
      .experiment(command: "dist2 reproduce reward Configs/reward/human.yaml", takes: "half an hour of two cores")),
    PaperClaim(
      "K12", "Near codes keep what an image shows; far ones bring in something else.", "Figure 4",
      .experiment(command: "dist2 reproduce vq-probe runs/images", takes: "minutes, after reproduce images")),
    PaperClaim(
      "K13", "dist lowers FID and raises IS.", "Table 4",
      .experiment(command: "dist2 reproduce images", takes: "an hour of two cores")),
    PaperClaim(
      "K14", "Each part of dist helps; label smoothing falls behind.", "Table 5",
      .experiment(command: "dist2 reproduce ablation", takes: "twenty minutes of two cores")),
    PaperClaim(
      "K15", "α hardly matters between 0.001 and 1.", "Table 6, best 0.1",
      .experiment(
        command: "dist2 reproduce reward Configs/reward/human.yaml --variants alphas", takes: "an hour of two cores")),
    PaperClaim("K16a", "Little is forgotten.", "Table 7: MMLU 43.9 of 44.5", forgetting),
    PaperClaim("K16b", "dist forgets less than sft.", "Table 7: MMLU 43.9 and 42.8", forgetting),
    PaperClaim("K17a", "A random metric brings no gain.", "Table 8: 76.0 and 75.3", random),
    PaperClaim("K17b", "dist is better than a random metric.", "Table 8", random),
    PaperClaim(
      "K18", "The advantage vanishes with unlimited data.", "appendix B.1",
      .experiment(command: "dist2 study --digits 3", takes: "an hour of two cores")),
    PaperClaim(
      "K19", "Metrics over several tokens give noisy gradients.", "appendix A.1",
      .experiment(command: "dist2 reproduce gradients", takes: "minutes of two cores")),
    PaperClaim("K20", "Labels of grounding are ambiguous.", "Figure 6", .none("images to look at, no figure.")),
  ]

  private static let forgetting = Source.experiment(
    command: "dist2 reproduce reward Configs/reward/human.yaml --mmlu FOLDER", takes: "an hour of two cores")
  private static let random = Source.experiment(
    command: "dist2 reproduce reward Configs/reward/human.yaml --variants random", takes: "an hour of two cores")

  private init(_ id: String, _ text: String, _ paper: String, _ source: Source) {
    (self.id, self.text, self.paper, self.source) = (id, text, paper, source)
  }
}
