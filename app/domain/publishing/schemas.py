"""What publishing is told and what it says: the bodies of the RealWorld API, member by member in its order."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from app.domain.accounts import services as accounts
from app.kit.schema import LenientInput, Moment, Output, example, text

Title = Annotated[str, text(500, "Of whales")]
Description = Annotated[str, text(2_000, "What they are, and where to meet them")]
Body = Annotated[str, text(100_000, "A whale is a *spouting fish* with a horizontal tail.")]
Tags = Annotated[list[Annotated[str, text(50, "whales")]], msgspec.Meta(max_length=50, examples=[["whales", "sea"]])]

# What a user's fields may hold is accounts' business. Blanks are told apart here, together with all else that is wrong.
FILLED = msgspec.Meta(pattern=r"\S")
Username = Annotated[accounts.Username, FILLED]
Email = Annotated[accounts.Email, FILLED]
Login = Annotated[accounts.Login, FILLED]
Password = Annotated[accounts.Password, FILLED]


class NewUser(LenientInput):
    """Who wants to join."""

    username: Username
    email: Email
    password: Password


class RegisterUser(LenientInput):
    """The body of `POST /users`."""

    user: NewUser


class Credentials(LenientInput):
    """What a user signs in with."""

    email: Login
    password: Password


class SignInUser(LenientInput):
    """The body of `POST /users/login`."""

    user: Credentials


class UserChanges(LenientInput):
    """What is different about a user; what is left out stays. An empty or null `bio` or `image` is removed."""

    username: Username | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    bio: accounts.Bio | UnsetType | None = UNSET
    image: accounts.Image | UnsetType | None = UNSET


class ChangeUser(LenientInput):
    """The body of `PUT /user`."""

    user: UserChanges


class NewArticle(LenientInput):
    """What an author wants to publish."""

    title: Title
    description: Description
    body: Body
    tag_list: Tags = msgspec.field(default_factory=list)


class PublishArticle(LenientInput):
    """The body of `POST /articles`."""

    article: NewArticle


class ArticleChanges(LenientInput):
    """What is different about an article; what is left out stays."""

    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    body: Body | UnsetType = UNSET
    tag_list: Tags | UnsetType = UNSET


class ReviseArticle(LenientInput):
    """The body of `PUT /articles/{slug}`."""

    article: ArticleChanges


class NewComment(LenientInput):
    """What a reader wants to say."""

    body: Annotated[str, text(10_000, "There she blows!")]


class PostComment(LenientInput):
    """The body of `POST /articles/{slug}/comments`."""

    comment: NewComment


class Identity(Output):
    """A user as they see themselves, without the token: of that the database knows only a digest."""

    username: str
    email: str
    bio: str | None
    image: str | None


class UserOut(Output):
    """A user as they see themselves, with the token to present from now on."""

    username: str
    email: str
    token: str
    bio: str | None
    image: str | None


class UserEnvelope(Output):
    """One user."""

    user: UserOut


class ProfileOut(Output):
    """A user as others see them; `following`: whether the viewer reads whatever they publish."""

    username: str
    bio: str | None
    image: str | None
    following: bool


class ProfileEnvelope(Output):
    """One profile."""

    profile: ProfileOut


class ArticleOut(Output):
    """An article, whole."""

    slug: Annotated[str, example("of-whales")]
    title: str
    description: str
    body: str
    tag_list: list[str]
    created_at: Moment
    updated_at: Moment
    favorited: bool
    favorites_count: int
    author: ProfileOut


class ArticleEnvelope(Output):
    """One article."""

    article: ArticleOut


class ArticleSummary(Output):
    """An article as it stands in a list: without its body."""

    slug: Annotated[str, example("of-whales")]
    title: str
    description: str
    tag_list: list[str]
    created_at: Moment
    updated_at: Moment
    favorited: bool
    favorites_count: int
    author: ProfileOut


class ArticlesEnvelope(Output):
    """A page of articles; `articlesCount`: how many the whole list has."""

    articles: list[ArticleSummary]
    articles_count: int


Fragments = Annotated[list[str], example(["Of ", "whales"])]


class Highlights(Output):
    """Where the words stand, as plain text in pieces: every other piece, beginning with the second, is a match."""

    title: Fragments
    text: Annotated[list[str], example(["A ", "whale", " is a *spouting fish* with a horizontal tail."])]


class ArticleFound(ArticleSummary):
    """An article as it stands among those that were found."""

    highlights: Highlights


class ArticlesFound(Output):
    """A page of what was found; `spelling`: what was searched for instead, where nothing had the words as given."""

    articles: list[ArticleFound]
    articles_count: int
    spelling: Annotated[str, example("whales")] | None


class CommentOut(Output):
    """What a reader said about an article."""

    id: int
    created_at: Moment
    updated_at: Moment
    body: str
    author: ProfileOut


class CommentEnvelope(Output):
    """One comment."""

    comment: CommentOut


class CommentsEnvelope(Output):
    """Comments, newest first."""

    comments: list[CommentOut]


class TagOut(Output):
    """A tag in use."""

    tag: str


class TagsEnvelope(Output):
    """Tags in use, most used first."""

    tags: Annotated[list[str], example(["whales", "sea"])]
