"""The words that the company is made of."""

GIVEN = """
Amara Anneke Aoife Arjun Astrid Beatriz Bogdan Carmen Catalina Cedric Chiara Daniel Daphne
Dmitri Edith Eduardo Elena Elif Emeka Erik Esther Fatima Felix Fiona Gabriel Giulia Grace Hannah
Hassan Helena Henrik Hiroshi Ibrahim Ines Ingrid Isabel Ivan Jasmin Joanna Jonas Julia Kamal
Karin Katerina Kenji Kwame Lars Laura Leila Liam Lucia Magnus Malik Margaret Maria Marta Matthew
Mei Michael Milan Nadia Naomi Nathan Nicholas Nina Olga Omar Oscar Patricia Paulina Pavel Priya
Rafael Rebecca Ricardo Robert Rosa Samuel Sanjay Sofia Stefan Susanne Tamara Theodore Thomas
Tobias Ursula Valentina Victor Vikram William Yara Yusuf Zainab Zofia José Zoë Björn François
""".split()

FAMILY = """
Abara Albrecht Almeida Andersson Bakker Banerjee Barros Becker Bernstein Blanchard Boateng
Brandt Calloway Cardoso Castellano Chaudhry Cheng Clarke Conti Dawson Demir Desai Dimitrov
Drummond Eklund Eriksen Faulkner Ferreira Fischer Fontaine Gallagher Garrido Gupta Haddad
Hartmann Hayashi Henley Hoffmann Holloway Ibarra Iwata Jansen Jovanovic Kaplan Keller Khalil
Kimura Kowalski Kruger Lambert Larsen Lindqvist Lombardi Machado Marchetti Mbeki Mendoza Moreau
Nakamura Navarro Novak Nwosu Obrien Okafor Olsen Osei Pacheco Park Patel Petrov Quinn Ramirez
Rossi Sandoval Schneider Shapiro Silva Sokolov Steiner Suzuki Takeda Tanaka Thornton Ulrich
Vasquez Verma Vogel Wagner Weiss Whitaker Yilmaz Zhang Ziegler Müller Núñez Sørensen
""".split()

NICKNAMES = {
    "Daniel": "Dan",
    "Edith": "Edie",
    "Gabriel": "Gabe",
    "Isabel": "Izzy",
    "Margaret": "Maggie",
    "Matthew": "Matt",
    "Michael": "Mike",
    "Nathan": "Nate",
    "Nicholas": "Nick",
    "Patricia": "Pat",
    "Rebecca": "Becky",
    "Robert": "Bob",
    "Samuel": "Sam",
    "Susanne": "Sue",
    "Theodore": "Ted",
    "Thomas": "Tom",
    "Victor": "Vic",
    "William": "Bill",
}

FIRM_FIRST = """
Alder Amber Anchor Aspen Atlas Bayview Beacon Birch Bluefern Bridge Canyon Cedar Cobalt Copper
Coral Crescent Delta Ember Evergreen Falcon Fjord Forge Garnet Granite Harbor Hazel Helix Heron
Indigo Ivory Juniper Keystone Lantern Larch Lumen Maple Meridian Mosaic Nimbus Oakline Onyx
Orchard Osprey Pebble Pinnacle Quarry Quill Ridge River Rowan Sable Sequoia Silver Slate Sparrow
Summit Tamarack Thistle Tidewater Umber Verdant Vista Walnut Willow Yarrow Zephyr
""".split()

FIRM_SECOND = """
Analytics Biotech Capital Catering Chemicals Components Construction Dental Dynamics Energy
Fabrics Foods Freight Furniture Glass Instruments Insurance Labs Logistics Marine Media Medical
Metals Motors Optics Packaging Paper Partners Pharma Plastics Printing Robotics Security
Shipping Software Steel Systems Textiles Tools Toys Travel
""".split()

LEGAL_FORMS = ("Inc.", "LLC", "Ltd", "GmbH", "Corp.", "")
STREETS = ("Mill Lane", "Station Road", "Elm Street", "Harbour Way", "Park Avenue", "Kiln Yard")
CITIES = (
    ("Portland", "OR", "97201", "503"),
    ("Denver", "CO", "80202", "303"),
    ("Austin", "TX", "78701", "512"),
    ("Boston", "MA", "02108", "617"),
    ("Chicago", "IL", "60601", "312"),
    ("Atlanta", "GA", "30303", "404"),
    ("Seattle", "WA", "98101", "206"),
    ("Columbus", "OH", "43215", "614"),
)
TITLES = (
    "Head of Purchasing",
    "Operations Manager",
    "Chief Financial Officer",
    "Plant Manager",
    "IT Director",
    "Procurement Specialist",
    "Managing Director",
    "Project Lead",
)
TOPICS = (
    "Renewal of the service contract",
    "Quote for the second site",
    "Delivery dates in spring",
    "Question about invoice",
    "Onboarding plan",
    "Security questionnaire",
    "Pilot results",
    "Meeting next week",
    "Spare parts",
    "Price list",
    "Training for new colleagues",
    "Feedback on the demo",
)
SENTENCES = (
    "Thank you for the call this morning, it cleared up most of our questions.",
    "We would like to see how the numbers change if we start in the second quarter.",
    "Could you send the current price list together with the delivery conditions?",
    "Our finance team needs the purchase order number on every invoice.",
    "The pilot ran for six weeks and the team is happy with what it saw.",
    "I have asked a colleague from operations to join us next time.",
    "There is one open point about the warranty that I would like to settle soon.",
    "The second site opens in autumn and will need the same equipment.",
    "Please find the questionnaire attached; most answers are already filled in.",
    "If it helps, we can host the training in our office.",
    "We compared three offers and yours is close, but not the lowest.",
    "Let me know which day suits you and I will send an invitation.",
    "The last delivery was complete and on time, many thanks for that.",
    "I am away until Monday; after that I can give you a definite answer.",
    "Our legal department asked for a small change in section four.",
    "As discussed, we will start with twenty seats and see how it goes.",
)
