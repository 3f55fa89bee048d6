"""What is said: the wake word, what sounds like it, and what people say all day."""

WORD = "computer"

# As the word is called, alone. Marks change the melody in the neural voices.
CALLS = ["Computer.", "Computer?", "Computer!", "Computer,", "Computer"]

# What follows it, in one breath or after a pause.
REQUESTS = [
    "what is the capital of France?", "turn off the lights.", "draw a neon cloud mountain.", "stop.", "how are you?",
    "what's on my calendar today?", "set a timer for ten minutes.", "describe this image.", "louder, please.",
    "play some music.", "who wrote this book?", "what time is it?", "is it going to rain tomorrow?", "cancel that.",
    "repeat the last answer.", "tell me a story about a dragon.", "call my mother.", "translate good morning to German.",
    "add milk to the shopping list.", "how far is the moon?", "open the window.", "end program.", "good night.",
    "when does the train leave?", "why is the sky blue?", "please read my messages.", "are you there?", "goodbye.",
]

# Alone and within sentences: what a detector of "computer" takes for it.
NEAR = [
    "commuter", "commuters", "compute", "computes", "computed", "computing", "computation", "composer", "composed",
    "competitor", "compete", "competing", "complete", "completed", "completely", "come here", "come to her", "pewter",
    "Peter", "come, Peter", "scooter", "tutor", "tutors", "pupil", "neuter", "looter", "polluter", "suitor", "router",
    "shooter", "future", "puter", "can puta", "come put her", "come pew", "commute", "comfort", "comforter", "compost",
    "comma", "company", "companion", "compare", "compact", "compass", "compile", "compiler", "component", "compound",
    "compress", "compromise", "compulsory", "commander", "commission", "committee", "common", "community", "communicate",
    "committer", "compeer", "impute", "dispute", "disputed", "repute", "reputed", "amputate", "permuter", "can you",
    "can you do", "come through", "come to", "come too", "comes to a", "come put a", "camp tutor", "some tutor",
    "compatriot", "competent", "complainer", "consumer", "producer", "conductor", "contributor", "conveyor", "confuser",
    "come use her", "come, you are", "come you to", "pure", "cure", "cuter", "cute", "accuser", "hooter", "rooter",
    "mutter", "butter", "putter", "potter", "commentator", "calculator", "conspirator", "recruiter", "executor",
    "contour", "detour", "Jupiter", "jumper", "camper", "camp here", "compu", "com", "come up here", "come up to her",
]

NEAR_SENTENCES = [
    "The commuter train was late again.", "We need to compute the average.", "He is a composer of film music.",
    "Our main competitor cut its price.", "Come here, Peter, and help me.", "The pewter cup is on the shelf.",
    "She completed the course in May.", "Cloud computing is a business.", "The tutor came to her on Monday.",
    "I commute to work by scooter.", "Nobody disputes the future of the company.", "Come put her coat on the chair.",
    "Jupiter is the largest planet.", "The community will come through.", "A compiler turns text into code.",
    "Can you do that for me?", "He put a cushion under it.", "That puppy is cuter than a kitten.",
    "They come to a compromise.", "Compare the two companies.",
]

SPEECH = [
    "Good morning, how did you sleep?", "I think we should leave before the traffic gets bad.",
    "Did you see the game last night? It was unbelievable.", "The soup needs a little more salt.",
    "My sister is coming over on Saturday with the kids.", "Put the plates in the dishwasher, please.",
    "It was the best of times, it was the worst of times.", "Where did you leave the car keys?",
    "The quick brown fox jumps over the lazy dog.", "There is a meeting at half past three in room four.",
    "No, I never said that, you must have dreamt it.", "We could have pasta, or there's still some rice.",
    "In eighteen hundred and forty the railway reached the town.", "Turn left at the second traffic light.",
    "She sells sea shells by the sea shore.", "That will be twelve dollars and fifty cents.",
    "Have you fed the cat yet?", "I'm going to the shop, do you need anything?", "The weather will be cold and dry.",
    "He played the piano for two hours without a break.", "What a beautiful garden you have.",
    "Please hold the line, somebody will be with you shortly.", "Once upon a time there lived an old king.",
    "Don't forget to take your umbrella.", "The report has to be finished by Friday.", "Yes. No. Maybe. All right then.",
    "One, two, three, four, five, six, seven, eight, nine, ten.", "Thank you very much indeed.", "Hello? Who is it?",
    "The doctor said it was nothing serious.", "I can't find my phone, can you call it?", "Let's watch a film tonight.",
    "Water boils at one hundred degrees.", "The students were waiting outside the hall.", "It's your turn to cook.",
    "This programme contains flashing images.", "Up next, the news at ten.", "How much is that doggy in the window?",
    "They painted the fence green and the door yellow.", "Remember what your grandmother used to say.",
    "The pilot asked the passengers to fasten their belts.", "Open the book on page seventy two.", "Oh, come on!",
    "Music was his first love.", "Nobody knows where the money went.", "A cup of tea would be lovely.",
    "The dog barked at the postman all morning.", "Stop it, both of you!", "Is anybody at home?", "Keep your voice down.",
]
