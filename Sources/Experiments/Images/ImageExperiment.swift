// SPDX-License-Identifier: Apache-2.0
import Recipes
import Files
public import Objectives
import Reports
package import TokenModels

/// The image experiment (section 3.5, Table 4) on small gray images: a tokenizer, then generators over its codes.
public struct ImageExperiment: Experiment {
  /// `images`, as `dist2 reproduce` and its processes name it.
  public static let name = "images"

  /// How much is done.
  public enum Scale: String, Codable, Sendable, CaseIterable {
    /// Minutes: for trying things out, and for tests.
    case tiny
    /// The experiment: with two seeds about an hour of two cores (18 minutes and twelve times 5 to 10 of a core,
    /// measured beside other work).
    case small
  }

  /// Folder with the four IDX files of the MNIST family.
  public var data: String
  /// How much is done.
  public var scale: Scale
  /// ``ImageVariant``s, parts of the training images that generators learn from, and seeds.
  public var grid: Grid
  /// α
  public var alpha = 0.1
  /// Perplexity of the targets, for which τ is solved: C.1 prints no τ (docs/paper-map.md Q3, Q4).
  public var perplexity = 8.0
  /// s of classifier-free guidance, 2 in Table 4.
  public var guidance = 2.0

  /// Training images that are read; nil for all.
  var images: Int?
  package var tokenizer: Tokenizer
  var generator: Generator
  /// Images that are drawn for a figure.
  var samples: Int

  /// Sizes of the tokenizer and how long it is trained.
  package struct Tokenizer: Codable, Sendable, Equatable {
    var channels: Int
    var multipliers: [Int]
    package var codes: Int
    var epochs: Int
    /// Epochs of the classifier whose features are compared.
    var classifierEpochs: Int
  }

  /// Sizes of the generators and how long they are trained: every share has the same number of steps.
  struct Generator: Codable, Sendable, Equatable {
    var width: Int
    var layers: Int
    var heads: Int
    var batch: Int
    var learningRate: Double
    /// Steps after which images are drawn, the last of which ends the training.
    var marks: [Int]
  }

  /// The settings of a scale.
  public init(data: String, scale: Scale) {
    (self.data, self.scale) = (data, scale)
    grid = Grid(
      ["sft", "dist"], by: [Grid.Factor("data", "share of the training images", [0.01, 0.1, 1], in: 1e-6...1)],
      seeds: [1, 2])
    switch scale {
    case .tiny:
      (images, samples) = (600, 40)
      tokenizer = Tokenizer(channels: 8, multipliers: [1, 1, 2], codes: 64, epochs: 1, classifierEpochs: 1)
      generator = Generator(width: 32, layers: 2, heads: 2, batch: 32, learningRate: 2e-3, marks: [5, 20])
    case .small:
      (images, samples) = (nil, 2000)
      tokenizer = Tokenizer(channels: 16, multipliers: [1, 2, 2], codes: 512, epochs: 3, classifierEpochs: 3)
      generator = Generator(width: 128, layers: 4, heads: 4, batch: 64, learningRate: 1e-3, marks: [150, 900])
    }
  }

  /// Side of the grid of codes: each level of the tokenizer after the first halves 28 pixels.
  package var gridSide: Int { FashionMNIST.side >> (tokenizer.multipliers.count - 1) }

  package var vq: VQConfiguration {
    VQConfiguration(
      imageChannels: 1, channels: tokenizer.channels, multipliers: tokenizer.multipliers, residualBlocks: 1,
      normGroups: 8, latentChannels: 32, codes: tokenizer.codes, codeWidth: 8)
  }

  /// Dropout is left out: at the numbers of steps here a generator does not come to fit its data too well but for the
  /// smallest share, which is meant to show what happens then.
  var gpt: LlamaGenConfiguration {
    LlamaGenConfiguration(
      codes: tokenizer.codes, classes: FashionMNIST.classNames.count, gridSide: gridSide, hiddenSize: generator.width,
      layers: generator.layers, heads: generator.heads, tokenDropout: 0, residualDropout: 0, feedForwardDropout: 0)
  }

  /// Names of all variants that the grid may have.
  public var variants: [String] { ImageVariant.all.map(\.name) }

  /// The data must be there.
  public func checkInputs() throws { _ = try testImages() }

  /// Name of the run that makes the tokenizer and everything else that the generators share.
  package static let tokenizerRun = "tokenizer"
  /// The classifier and the tokenizer, before any generator.
  public var stages: [ArtifactStage] { [ArtifactStage("classifier and tokenizer", runs: [Self.tokenizerRun])] }

  /// Trains classifier and tokenizer, and encodes the images.
  public func makeArtifact(_ context: RunContext) throws -> TokenizerOutcome {
    try ImageTokenizerRun(settings: self, folder: ImageFolder(root: context.folder), context: context).outcome()
  }

  /// One run of the grid: trains, then tests.
  public func run(_ run: GridRun, _ context: RunContext) throws -> GeneratorOutcome {
    guard let variant = ImageVariant.all.first(where: { $0.name == run.variant }) else {
      throw InputError(path: context.name, place: "variant", expected: "an objective", found: run.variant)
    }
    return try ImageGeneratorRun(
      settings: self, folder: ImageFolder(root: context.folder), run: run, variant: variant, context: context
    ).outcome()
  }

  /// Tables, figures and claims of the runs that are finished.
  public func report(
    _ results: Results<GeneratorOutcome>, _ artifacts: [String: TokenizerOutcome]
  ) throws -> ExperimentReport {
    guard let tokenizer = artifacts[Self.tokenizerRun] else {
      throw InputError(
        path: results.folder, expected: "a finished tokenizer", found: "none", remedy: "Run without --report first.")
    }
    return ImageFindings(settings: self, results: results, tokenizer: tokenizer).report
  }
}

/// One way to train a generator.
public struct ImageVariant: Codable, Sendable, Hashable {
  /// `sft`, `dist`, …
  public var name: String
  /// Description in tables.
  public var title: String
  /// Its objective.
  public var preset: Preset
  /// Distance between two codes.
  var distance: Metric = .meanSquared

  /// Distances between vectors of the code book; `shuffled` is the first, dealt out at random.
  enum Metric: String, Codable, Sendable { case meanSquared, cosine, shuffled }

  /// All, by name. `sft` and `dist` are Table 4's.
  public static let all = [
    ImageVariant(name: "sft", title: "cross entropy", preset: .sft),
    ImageVariant(name: "dist", title: "mean squared distance of code vectors", preset: .dist),
    ImageVariant(name: "cosine", title: "cosine distance of code vectors", preset: .dist, distance: .cosine),
    ImageVariant(name: "vocab", title: "cross entropy once more", preset: .vocab),
    ImageVariant(name: "smooth", title: "label smoothing", preset: .smooth),
    ImageVariant(name: "random", title: "distances dealt out at random", preset: .dist, distance: .shuffled),
  ]
}
