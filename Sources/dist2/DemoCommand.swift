import Experiments
import ArgumentParser
import Recipes
import Reports

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Watch a real model learn linear regression with plain supervision and with distances.",
    discussion: """
      Fine-tunes SmolLM2-135M on ten small problems with three objectives — sft (cross entropy), vocab (once more over \
      the digits) and dist (targets that know that 39 is nearer to 40 than 90 is) — tests each on problems it has not \
      seen, and prints and draws the result. The same as `dist2 reproduce regression --scale small`.
      """)
  @OptionGroup var options: RegressionOptions
  @OptionGroup var grid: GridOptions
  @OptionGroup var running: RunningOptions

  func run() throws {
    let terminal = Terminal.standardError
    if let problem = RegressionData(seed: 1, test: 1).test.first {
      terminal.write(
        """
        Three points of a line; the model is asked for a fourth and is never told that it is a line:

        \(problem.prompt.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))\
        \(terminal.styled(problem.completion, .bold))

        Copies of the model learn from a few such problems. sft learns the right digits and nothing else; dist also
        learns that a digit beside the right one is nearer than one far away.


        """)
    }
    try running.run(options, grid)
  }
}
