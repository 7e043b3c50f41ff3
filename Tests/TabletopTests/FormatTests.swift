// SPDX-License-Identifier: Apache-2.0
import Tabletop
import Testing

/// Texts of LLaRA's format, by hand; `RecordedEpisodeTests` holds them against real episodes.
@Suite struct FormatTests {
  private let ring = DescribedObject(
    "red ring", ImageBox(center: ImagePoint(x: 0.25390625, y: 0.5703125), width: 0.09375, height: 0.15625))
  private let bowl = DescribedObject(
    "gray bowl", ImageBox(center: ImagePoint(x: 0.5, y: 0.6171875), width: 0.1953125, height: 0.328125))

  @Test func objectsAreWrittenWithThreeDecimals() {
    #expect(ring.text == "<p>red ring</p> at <b>(0.254, 0.570), {0.094, 0.156}</b>")
    #expect(
      [ring, bowl].sceneText
        == "<scene><p>red ring</p> at <b>(0.254, 0.570), {0.094, 0.156}</b>.\n"
        + "<p>gray bowl</p> at <b>(0.500, 0.617), {0.195, 0.328}</b>.</scene>")
    var turned = ring
    turned.heading = -35
    #expect(turned.text.hasSuffix("</b>, turned <r>[-35]</r>"))
    #expect(turned.withoutHeading == ring)
  }

  /// Angles that have no negative, from a model's answer or a recorded episode.
  @Test(arguments: [Int.min, .max, -361, 540]) func anyAngleIsATurn(_ angle: Int) throws {
    let answer = ParsedAnswer("at (0.1, 0.2), rotate [\(angle)] degrees, at (0.3, 0.4).")
    #expect(answer.actions.map(\.rotation) == [angle % 360])
    let bins = ActionBins(pattern: "<bin_{}>", count: 256)
    let point = ImagePoint(x: 0.5, y: 0.5)
    let turned = bins.bins(ManipulationAction(start: point, end: point, rotation: angle))
    #expect(turned == bins.bins(ManipulationAction(start: point, end: point, rotation: angle % 360)))
    #expect(turned.allSatisfy { (0..<256).contains($0) })
  }

  @Test func objectsAreReadBack() throws {
    var turned = DescribedObject(
      "red ring", ImageBox(center: ImagePoint(x: 0.254, y: 0.57), width: 0.094, height: 0.156))
    #expect(try DescribedObject(parsing: turned.text, path: "") == turned)
    turned.heading = -35
    #expect(try DescribedObject(parsing: turned.text, path: "") == turned)
    for bad in ["red ring", "<p>a</p> at <b>(0.1, 0.2)</b>", "<p>a</p> at <b>(0.1, x), {0.1, 0.1}</b>", "<p>a</p>"] {
      #expect(throws: (any Error).self) { try DescribedObject(parsing: bad, path: "") }
    }
  }

  /// Fig. 8 of the paper, prompt and answer whole (its marks undoubled, its lost braces and line breaks put back).
  @Test func figure8() throws {
    let text =
      "Sweep any <p>polka dot small block</p> at <b>(0.500, 0.617), {0.203, 0.578}</b> into <p>blue three-sided "
      + "rectangle</p> at <b>(0.500, 0.625), {0.297, 0.398}</b> without exceeding <p>plastic line</p> at <b>(0.500, "
      + "0.617), {0.328, 0.047}</b>."
    let task = try TaskPrompt(
      "Sweep any {swept_obj} into {bounds} without exceeding {constraint}.", filledAs: text, path: "")
    var template = PromptTemplate()
    template.question = "Can you explain what needs to be done to perform the task in this scene?"
    #expect(
      template.prompt(task, tool: .spatula) == "<image0>\n<task>" + text + """
        </task>
        Can you explain what needs to be done to perform the task in this scene?
        Every action you take must include two locations in the format of <b>(x, y)</b> and one clockwise rotation angle \
        in the format of <r>[r]</r>. The first location is the image coordinate where you start to sweep the object using \
        a spatula, and the second location is where you stop sweeping. The image coordinate ranges from 0 to 1. The \
        rotation angle indicates how many degrees you rotate the spatula clockwise, and it ranges from -359 to 359.
        """)
    let action = ManipulationAction(
      .spatula, start: ImagePoint(x: 0.629, y: 0.805), end: ImagePoint(x: 0.5, y: 0.609), rotation: 0)
    #expect(
      [NamedAction(action, object: "polka dot small block")].answer()
        == "Step 1: Sweep the <p>polka dot small block</p> at <b>(0.629, 0.805)</b>, rotate <r>[0]</r> degrees, and stop "
        + "at <b>(0.500, 0.609)</b>.")
  }

  @Test func historyNamesNoObject() {
    let task = TaskPrompt("Put the {a} into the {b}.", ["a": .object(ring), "b": .object(bowl)])
    let done = ManipulationAction(start: ImagePoint(x: 0.3, y: 0.4), end: ImagePoint(x: 0.5, y: 0.6), rotation: -90)
    let prompt = PromptTemplate(assets: .names, rules: false).prompt(task, tool: .suction, history: [done, done])
    let step =
      "Pick up the object at <b>(0.300, 0.400)</b>, rotate <r>[-90]</r> degrees, and drop it at <b>(0.500, 0.600)</b>."
    #expect(
      prompt
        == "<image0>\n<task>Put the <p>red ring</p> into the <p>gray bowl</p>.</task>\n"
        + "You have finished: Step 1: \(step)\nStep 2: \(step)")
    #expect([NamedAction(done, object: "red ring")].answer(after: 2).hasPrefix("Step 3: Pick up the <p>red ring</p>"))
  }

  @Test func answersAreParsed() {
    let good = ParsedAnswer(
      "Step 1: Pick up the <p>a (b)</p> at <b>(0.301, 0.727)</b>, rotate <r>[-90]</r> degrees, and drop it at <b>(0.5, .25)</b>."
    )
    #expect(good.problem == nil)
    #expect(good.clipped == 0)
    #expect(
      good.actions == [
        ManipulationAction(start: ImagePoint(x: 0.301, y: 0.727), end: ImagePoint(x: 0.5, y: 0.25), rotation: -90)
      ])
    #expect(ParsedAnswer("(1.5, 0.2) [400] (-0.1, 0.3)").clipped == 2)
    #expect(ParsedAnswer("(1.5, 0.2) [400] (-0.1, 0.3)").actions.first?.rotation == 40)
    #expect(
      ParsedAnswer("(0.1, 0.2) (0.3, 0.4) [5] (0.1, 0.2) (0.3, 0.4) [6]", tool: .spatula).actions.map(\.rotation) == [
        5, 6,
      ])
  }

  @Test(arguments: [
    ("", AnswerProblem.noLocation, 0), ("I cannot.", .noLocation, 0), ("at (0.1, 0.2)", .oneLocation, 0),
    ("(0.1, 0.2) (0.3, 0.4)", .noAngle, 0), ("(0.1, x) (0.3, 0.4) [3]", .notANumber, 0),
    ("(0.1, 0.2) (0.3, 0.4) []", .notANumber, 0), ("(0.1, nan) (0.3, 0.4) [1]", .notANumber, 0),
    ("(0.1, 0.2) (0.3, 0.4) [3] (0.1, 0.2)", .oneLocation, 1),
    ("(0.1, 0.2) (0.3, 0.4) [3] (0.1, 0.2) (0.1, 0.2)", .noAngle, 1), ("(0.1,\n0.2) (0.3, 0.4) [3]", .oneLocation, 0),
  ])
  func badAnswersSayWhy(text: String, problem: AnswerProblem, actions: Int) {
    let parsed = ParsedAnswer(text)
    #expect(parsed.problem == problem)
    #expect(parsed.actions.count == actions)
  }

  @Test func placesGoThroughTheImageAndBack() {
    for step in 0...200 {
      let share = Double(step) / 200
      let place = TablePoint(forward: 0.25 + 0.5 * share, side: -0.5 + share)
      let back = FrontView.tablePoint(FrontView.imagePoint(place))
      #expect(abs(back.forward - place.forward) <= FrontView.rounding.forward)
      #expect(abs(back.side - place.side) <= FrontView.rounding.side)
    }
    let far = FrontView.tablePoint(ImagePoint(x: 1, y: 1))
    #expect(far.forward == 0.75)
    #expect(far.side == 0.5)
  }

  /// scipy's `Rotation.from_euler("z", -angle, degrees=True).as_quat()`.
  @Test(arguments: [
    (90, -0.7071067811865476, 0.7071067811865476), (-30, 0.25881904510252074, 0.9659258262890683), (0, 0, 1),
  ])
  func turnsAreQuaternions(angle: Int, z: Double, w: Double) {
    let action = ManipulationAction(start: ImagePoint(x: 0, y: 0), end: ImagePoint(x: 0, y: 0), rotation: angle)
    #expect(abs(action.quaternion.z - z) < 1e-12)
    #expect(abs(action.quaternion.w - w) < 1e-12)
  }

  /// Every bin is hit, and an action comes back to within half a bin.
  @Test func binsHoldActions() throws {
    let bins = ActionBins()
    for step in 0..<256 {
      let share = Double(step) / 255
      let action = ManipulationAction(
        start: ImagePoint(x: share, y: 1 - share), end: ImagePoint(x: 0.5, y: share), rotation: step - 128)
      let codes = bins.bins(action)
      #expect(codes[0] == step && codes[1] == 255 - step)
      let back = try #require(bins.actions(in: "x" + bins.text(action) + bins.text(action)).last)
      #expect(abs(back.start.x - action.start.x) <= 0.5 / 255 + 1e-12)
      #expect(abs(back.rotation - action.rotation) <= 1)
    }
    // 30 degrees clockwise are −30 about z: (−30 + 180) / 360 · 255 = 106.25.
    let turn = ManipulationAction(start: ImagePoint(x: 0, y: 0), end: ImagePoint(x: 1, y: 1), rotation: 30)
    #expect(bins.bins(turn) == [0, 0, 255, 255, 106])
    #expect(bins.actions(in: "<bin_1><bin_2><bin_3><bin_4>").isEmpty)
    #expect(bins.actions(in: "<bin_1><bin_2><bin_3><bin_4><bin_256>").isEmpty)
    #expect(bins.actions(in: "<bin_<bin_").isEmpty)
  }

  @Test func auxiliaryAnswers() throws {
    let scene = [ring, bowl]
    #expect(AuxiliaryTask.detection.examples(of: scene).map(\.answer) == [scene.sceneText])
    #expect(AuxiliaryTask.localization.examples(of: scene).map(\.answer) == [ring.text + ".", bowl.text + "."])
    let relations = AuxiliaryTask.spatialRelation.examples(of: scene)
    #expect(
      relations.map(\.answer) == [
        "<p>red ring</p> is left and top from <p>gray bowl</p> with 2d center distance (x,y) of <d>(-0.246, -0.047)</d> "
          + "and euclidean center distance of <e>0.251</e>.",
        "<p>gray bowl</p> is right and horizontally containig from <p>red ring</p> with 2d center distance (x,y) of "
          + "<d>(0.246, 0.047)</d> and euclidean center distance of <e>0.251</e>.",
      ])
    // The form is shown by the other answer.
    #expect(relations[0].prompt.contains("<d>(0.246, 0.047)</d>"))

    let action = NamedAction(
      ManipulationAction(start: ring.box.center, end: bowl.box.center, rotation: 0), object: "red ring")
    var moved = ring
    moved.box.center = bowl.box.center
    let step = SceneStep(before: scene, action: action, after: [moved, bowl])
    let prediction = try #require(AuxiliaryTask.actionPrediction.examples(of: step).first)
    #expect(prediction.answer == action.text)
    #expect(prediction.prompt.hasSuffix(PromptTemplate.rules(.suction)))
    let future = try #require(AuxiliaryTask.futurePrediction.examples(of: step).first)
    #expect(future.answer == [moved, bowl].sceneText)
    #expect(future.prompt.contains("Now you pick up the <p>red ring</p>"))
    #expect(
      AuxiliaryTask.temporalRelation.examples(of: step).map(\.answer).first
        == "<p>gray bowl</p> moves closer to <p>red ring</p>. 2d center distance (x,y) of <p>red ring</p> from <p>gray "
        + "bowl</p> changes by <d>(0.246, 0.047)</d> and Euclidean center distance between them <e>-0.251</e>.\n")
    for task in AuxiliaryTask.allCases {
      #expect(task.examples(of: scene).isEmpty == task.needsStep)
      #expect(task.examples(of: step).isEmpty != task.needsStep)
    }
  }
}
